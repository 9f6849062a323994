/* Follows one answer over the WebSocket and paints it, while the script idles.
 *
 * The server sends finished blocks once and the growing block again and again (docs/rest.md); this file only puts them where they
 * belong. It never makes HTML of its own. When the answer has ended it fires the trigger `done`, and the script draws the final
 * text in its place; `unavailable` asks the script to follow the answer itself, because no connection came about.
 */

const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 8000
const TRIES_BEFORE_ANY_FRAME = 4
const NEAR_BOTTOM_PX = 24
// Longer than a rerun takes on a slow machine: one asked for while the reader clicks elsewhere would bring this chat back.
const ASK_AGAIN_MS = 5000
const SETTLE_MS = 700
const ENDS = { complete: "The answer is complete.", stopped: "The answer was stopped.", failed: "The answer failed.", interrupted: "The answer was interrupted." }
const MOST_SAID = 20

// For screen readers: each block once, when it is finished; the growing one would be read again at every paint. The place outlives
// this element, which is gone as soon as the answer has ended.
function say(text) {
  if (!text) return
  let place = document.getElementById("chatcore-said")
  if (!place) {
    place = document.createElement("div")
    place.id = "chatcore-said"
    place.setAttribute("role", "log")
    place.setAttribute("aria-live", "polite")
    place.style.cssText = "position:fixed;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap"
    document.body.append(place)
  }
  const line = document.createElement("p")
  line.textContent = text
  place.append(line)
  while (place.children.length > MOST_SAID) place.firstChild.remove()
}

const spoken = block => (block.querySelector("pre") ? "A block of code." : block.textContent.trim())

const SIGNS = { waiting: "?", running: "…", done: "✓", failed: "!", declined: "✕", stopped: "■" }
const CHOICES = [["once", "Allow once"], ["chat", "For this chat"], ["always", "Always"], ["declined", "Decline"], ["never", "Never"]]

function element(tag, name = "", text = "") {
  const made = document.createElement(tag)
  if (name) made.className = name
  if (text) made.textContent = text
  return made
}

function part(inside, title, text) {
  inside.append(element("div", "title", title), element("pre", "", text || "none"))
}

function stateText(call) {
  const took = call.duration_s === null ? "" : ` in ${call.duration_s < 10 ? call.duration_s.toFixed(1) : Math.round(call.duration_s)} s`
  const said = call.decision === "timeout" ? "declined: nobody answered" : "declined"
  const words = { waiting: "waits for you", running: "is running", done: "done", failed: "failed", declined: said, stopped: "stopped" }
  return (words[call.state] ?? call.state) + took
}

class Follower {
  constructor(root, component) {
    this.root = root
    this.data = component.data
    this.trigger = component.setTriggerValue
    this.answer = root.querySelector(".answer")
    this.reasoning = root.querySelector(".reasoning")
    this.thoughts = root.querySelector(".thoughts")
    this.progress = root.querySelector(".progress")
    this.lost = root.querySelector(".lost")
    this.stopButton = root.querySelector(".stop")
    this.blocks = []
    this.calls = new Map()
    this.next = { text: 0, reasoning: 0 }
    this.failures = 0
    this.seen = false
    this.ended = false
    this.closed = false
    this.frames = []
    this.stopButton.onclick = () => this.stop()
    this.onStop = event => {
      // One that has ended and is about to leave the page: another one is meant.
      if (this.ended) return
      event.preventDefault()
      if (!this.stopButton.disabled) this.stop()
    }
    window.addEventListener("chatcore:stop", this.onStop)
    // An answer that just began stands below what was read last: go there, and stay until the reader scrolls up.
    this.view = document.querySelector('[data-testid="stMain"]') ?? document.scrollingElement
    this.following = true
    this.onScroll = () => this.moved()
    this.view.addEventListener("scroll", this.onScroll, { passive: true })
    requestAnimationFrame(() => this.toBottom())
    this.dock()
    this.connect()
  }

  address(path) {
    return `${location.host}${this.data.base}/api/v1/messages/${this.data.message}/${path}`
  }

  connect() {
    if (this.closed || this.ended) return
    const scheme = location.protocol === "https:" ? "wss" : "ws"
    const socket = new WebSocket(`${scheme}://${this.address("ws")}?text=${this.next.text}&reasoning=${this.next.reasoning}`)
    this.socket = socket
    socket.onmessage = event => {
      this.failures = 0
      this.seen = true
      this.lost.hidden = true
      this.frames.push(JSON.parse(event.data))
      // In the background no animation frame comes: paint at once there, or the frames pile up.
      if (document.hidden) this.paint()
      else this.request ??= requestAnimationFrame(() => this.paint())
    }
    socket.onclose = () => {
      if (this.socket !== socket) return
      this.paint()
      if (!this.ended && !this.closed) this.retry()
    }
  }

  retry() {
    this.failures += 1
    // Asked again and again, and tried on meanwhile: the first request is lost if Streamlit's own connection is down too.
    if (!this.seen && this.failures % TRIES_BEFORE_ANY_FRAME === 0) this.trigger("unavailable", this.data.message)
    this.lost.hidden = this.failures < 2
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1))
    this.timer = setTimeout(() => this.connect(), wait * (0.75 + Math.random() / 2))
  }

  paint() {
    cancelAnimationFrame(this.request)
    this.request = null
    if (!this.frames.length) return
    for (const frame of this.frames.splice(0)) this.apply(frame)
    if (this.following) this.toBottom()
  }

  apply(frame) {
    if (frame.reset_from !== undefined && frame.reset_from !== null) {
      for (const block of this.blocks.splice(frame.reset_from)) block.remove()
      // Another attempt may stand here now; the calls of this one come with the frame.
      if (frame.reset_from === 0) this.clear()
    }
    for (const block of frame.blocks ?? []) {
      this.block(block.i).innerHTML = block.html
      // What was there before one came is not read out.
      if (this.framed) say(spoken(this.block(block.i)))
    }
    this.framed = true
    if (frame.open) this.block(frame.open.i).innerHTML = frame.open.html
    if (frame.append) {
      const code = this.block(frame.append.i).querySelector("code")
      if (code) code.append(frame.append.text)
    }
    if (frame.reasoning) {
      this.reasoning.hidden = false
      this.thoughts.append(frame.reasoning)
    }
    for (const call of frame.calls ?? []) this.call(call)
    const written = this.blocks.length > 0
    if (frame.reasoning_s !== undefined) this.spent = frame.reasoning_s
    this.showSpent(written)
    const waiting = (this.data.named !== false && frame.progress) || (written || this.calls.size || !this.reasoning.hidden ? "" : "Waiting for the model…")
    if (this.progress.textContent !== waiting) this.progress.textContent = waiting
    this.progress.hidden = !waiting
    if (frame.next) this.next = frame.next
    if (frame.state && frame.state !== "running") this.end(frame.state)
  }

  showSpent(written) {
    // The seconds count on in an element of their own, which is not read out each time.
    const seconds = this.spent === undefined ? "" : this.spent < 10 ? `${Math.max(this.spent, 0.1).toFixed(1)} s` : `${Math.round(this.spent)} s`
    const title = !written ? "Thinking…" : seconds ? `Thought for ${seconds}` : "Thoughts"
    const thinking = this.root.querySelector(".thinking")
    if (thinking.textContent !== title) thinking.textContent = title
    this.root.querySelector(".spent").textContent = written ? "" : seconds
  }

  block(index) {
    while (this.blocks.length <= index) this.blocks.push(this.answer.appendChild(element("div", "block")))
    return this.blocks[index]
  }

  /* A tool call, before the block that follows it. All of it is text: it comes from a model and from strangers. */
  call(call) {
    const known = this.calls.get(call.id)
    const details = known ?? element("details", "call")
    if (!known) {
      details.dataset.testid = "live-call"
      const summary = details.appendChild(element("summary"))
      summary.append(element("span", "sign"), element("code", "tool"), element("span", "state"))
      details.append(element("div", "inside"))
      const question = element("div", "question")
      question.setAttribute("role", "group")
      this.calls.set(call.id, details)
      this.answer.insertBefore(details, this.blocks[call.before] ?? null)
      this.answer.insertBefore(question, this.blocks[call.before] ?? null)
    }
    if (details.dataset.state === call.state) return
    details.dataset.state = call.state
    details.querySelector(".sign").textContent = SIGNS[call.state]
    details.querySelector(".tool").textContent = call.name
    details.querySelector(".state").textContent = stateText(call)
    const inside = details.querySelector(".inside")
    inside.replaceChildren()
    part(inside, "Arguments", call.arguments)
    if (call.result !== null) part(inside, "Result", call.result)
    const question = details.nextElementSibling
    question.hidden = call.state !== "waiting"
    question.replaceChildren()
    if (call.state === "waiting") {
      details.open = true
      question.setAttribute("aria-label", `May ${call.name} run?`)
      question.append(element("span", "asks", "May this run?"))
      for (const [decision, label] of CHOICES) {
        const button = question.appendChild(element("button", "choice", label))
        button.type = "button"
        button.dataset.decision = decision
        button.onclick = () => this.decide(call.id, decision, question)
      }
    } else if (known && call.state !== "running") details.open = false
  }

  clear() {
    this.answer.replaceChildren()
    this.calls.clear()
  }

  async decide(id, decision, question) {
    for (const button of question.querySelectorAll("button")) button.disabled = true
    try {
      const address = `${location.protocol}//${this.address(`calls/${encodeURIComponent(id)}`)}`
      const headers = { "X-Chatcore": "1", "Content-Type": "application/json" }
      const response = await fetch(address, { method: "POST", headers, body: JSON.stringify({ decision }) })
      if (response.ok) return
      const said = (await response.json()).error
      question.querySelector(".asks").textContent = `${said.message} ${said.hint}`
    } catch {
      question.querySelector(".asks").textContent = "The server cannot be reached. Try again."
    }
    for (const button of question.querySelectorAll("button")) button.disabled = false
  }

  end(state) {
    if (this.ended) return
    this.ended = true
    this.root.querySelector(".log").setAttribute("aria-busy", "false")
    this.root.dataset.state = state
    say(ENDS[state] ?? "The answer has ended.")
    this.stopButton.disabled = true
    this.progress.hidden = true
    this.trigger("done", state)
    // A trigger is lost when Streamlit's own connection was down just then: as long as this element lives, ask again.
    this.again = setInterval(() => this.trigger("done", state), ASK_AGAIN_MS)
  }

  async stop() {
    this.stopButton.disabled = true
    this.stopButton.querySelector("span").textContent = "Stopping…"
    try {
      const response = await fetch(`${location.protocol}//${this.address("stop")}`, { method: "POST", headers: { "X-Chatcore": "1" } })
      await response.text()
      if (!response.ok) throw new Error(`stop: ${response.status}`)
    } catch {
      this.stopButton.disabled = false
      this.stopButton.querySelector("span").textContent = "Stop again"
    }
  }

  // --- where the reader is -----------------------------------------------------------------------------------------

  moved() {
    const top = this.view.scrollTop
    if (this.view.scrollHeight - top - this.view.clientHeight <= NEAR_BOTTOM_PX) this.following = true
    else if (top < this.top) this.following = false
    this.top = top
  }

  toBottom() {
    this.view.scrollTop = this.view.scrollHeight
    this.top = this.view.scrollTop
  }

  settle() {
    // Its figures and buttons come in a few steps: stay at the bottom until they are there, or the reader moves.
    const until = performance.now() + SETTLE_MS
    let moved = false
    const stay = () => {
      if (moved) return
      this.toBottom()
      if (performance.now() < until) requestAnimationFrame(stay)
    }
    for (const kind of ["wheel", "touchstart", "keydown"]) window.addEventListener(kind, () => (moved = true), { once: true, passive: true })
    requestAnimationFrame(stay)
  }

  dock() {
    // The stop button rests just above the composer, however high that has grown.
    const bottom = document.querySelector('[data-testid="stBottom"]')
    if (!bottom) return
    this.watch = new ResizeObserver(() => {
      this.root.style.setProperty("--dock", `${bottom.offsetHeight}px`)
      if (this.following) this.toBottom()
    })
    this.watch.observe(bottom)
  }

  close() {
    // The final text stands in this one's place from the next frame on, with its figures below.
    this.view.removeEventListener("scroll", this.onScroll)
    window.removeEventListener("chatcore:stop", this.onStop)
    if (this.ended && this.following) this.settle()
    this.closed = true
    clearTimeout(this.timer)
    clearInterval(this.again)
    cancelAnimationFrame(this.request)
    this.watch?.disconnect()
    this.socket?.close()
  }
}

export default function (component) {
  const root = component.parentElement.querySelector("#live")
  // Called again when the theme changes: the connection stays.
  if (root.follower && root.follower.data.message !== component.data.message) {
    root.follower.close()
    root.follower = null
    root.querySelector(".answer").replaceChildren()
    root.querySelector(".thoughts").replaceChildren()
  }
  root.follower ??= new Follower(root, component)
  root.follower.trigger = component.setTriggerValue
  return () => {
    root.follower?.close()
    root.follower = null
  }
}
