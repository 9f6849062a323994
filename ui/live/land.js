/* Where the reader is in a chat. Takes them to the end, the start or a message when they jump; keeps their place when messages come
 * above it or leave; asks for more when they come near the edge; goes from prompt to prompt. Stands behind the last message and
 * draws nothing. */

// Code is coloured and formulas are set a moment after they are drawn, which moves what is below.
const SETTLE_MS = 1000
// How far before the edge more is asked for, and how near the end counts as being there.
const NEAR_EDGE_PX = 500
const NEAR_END_PX = 24
// A request that brought nothing may be repeated.
const GIVE_UP_MS = 5000
// Where a message comes to stand: below the head, and below the search where that is open.
const AIR_PX = 16
const SEARCH_PX = 64
const MESSAGES = '.st-key-thread [class*="st-key-message-"]'
const GESTURES = ["wheel", "touchmove", "pointerdown", "keydown"]

// Outlives the element: who comes back from another page stands where they stood.
const memory = (window.chatcoreReader ??= { visit: null, place: null })

class Reader {
  constructor() {
    this.view = document.querySelector('[data-testid="stMain"]') ?? document.scrollingElement
    this.style = document.head.appendChild(document.createElement("style"))
    this.asked = null
    this.wanted = null
    this.listeners = new AbortController()
    const listen = (target, kind, run) => target.addEventListener(kind, run, { passive: kind !== "keydown", signal: this.listeners.signal })
    listen(this.view, "scroll", () => this.scrolled())
    for (const kind of GESTURES) listen(window, kind, event => this.gesture(event))
    listen(window, "chatcore:go", event => this.go(event.detail))
    listen(window, "keydown", event => this.key(event))
    this.edges = new IntersectionObserver(entries => this.nearEdge(entries), { root: this.view, rootMargin: `${NEAR_EDGE_PX}px 0px` })
    this.near = { earlier: false, later: false }
    // Before each painting: what is put above must never be seen to push the rest away.
    this.sizes = new ResizeObserver(() => this.keep())
    this.changes = new MutationObserver(() => this.changed())
  }

  update(data, trigger) {
    const first = !this.data
    const jumped = memory.visit !== data.visit
    const came = !first && data.messages.join() !== this.data.messages.join()
    if (came) this.settleOn(data.messages)
    this.data = data
    this.trigger = trigger
    this.mark(data.marked)
    this.watch()
    if (jumped) {
      memory.visit = data.visit
      memory.place = this.landing(data.landing)
      this.asked = this.wanted = null
    }
    if (jumped || first || (came && memory.place?.at)) this.hold()
    else this.keep()
    if (jumped && data.marked !== null) this.focus(data.marked)
    if (came) this.arrived()
    this.words = true
    this.paintWords()
  }

  /* --- the place ----------------------------------------------------------------------------------------------------------- */

  element(id) {
    return document.querySelector(`.st-key-thread .st-key-message-${id}`)
  }

  messages() {
    return [...document.querySelectorAll(MESSAGES)]
  }

  /* The height of what lies over the top of the view: the head of a long chat, Streamlit's header. */
  head() {
    const head = document.querySelector(".st-key-chat_head:has([data-stays])")
    return head ? head.offsetHeight : 0
  }

  line() {
    return this.head() + AIR_PX + (this.data.words.length ? SEARCH_PX : 0)
  }

  landing(where) {
    if (typeof where === "string") return { at: where }
    return { id: where, top: this.line() }
  }

  /* New messages are drawn one after the other: until they all are, only those that were there before say where the reader is. */
  settleOn(messages) {
    const before = new Set(this.data.messages)
    const stayed = messages.filter(id => before.has(id))
    this.known = new Set(stayed.length ? stayed : messages)
    clearTimeout(this.settling)
    this.settling = setTimeout(() => { this.known = null }, SETTLE_MS)
  }

  /* The first message the reader sees, and how far from the top it stands. */
  note() {
    const { view } = this
    if (this.data.ends && view.scrollHeight - view.scrollTop - view.clientHeight <= NEAR_END_PX) {
      memory.place = { at: "end" }
      return
    }
    const origin = view.getBoundingClientRect().top
    const line = origin + this.head()
    for (const id of this.data.messages) {
      const box = (!this.known || this.known.has(id)) && this.element(id)?.getBoundingClientRect()
      if (box && box.height && box.bottom > line) {
        memory.place = { id, top: box.top - origin }
        return
      }
    }
  }

  /* Puts the noted place back to where it was. */
  keep() {
    const { view } = this
    const { place } = memory
    if (!place) return
    if (place.at) {
      if (this.holding) this.scrollTo(place.at === "end" ? view.scrollHeight : 0)
      return
    }
    const element = this.element(place.id)
    if (!element) return
    const moved = element.getBoundingClientRect().top - view.getBoundingClientRect().top - place.top
    if (Math.abs(moved) >= 1) this.scrollTo(view.scrollTop + moved)
  }

  /* Moves the view so that it does not count as the reader's doing. */
  scrollTo(top) {
    this.view.scrollTop = top
    this.top = this.view.scrollTop
  }

  /* Reading on begins at the message, for the keyboard and the screen reader too, unless one is busy elsewhere. */
  focus(id) {
    const element = this.element(id)
    if (!element || document.activeElement !== document.body) return
    element.tabIndex = -1
    element.focus({ preventScroll: true })
  }

  /* Keeps the place for a moment, or until the reader moves. */
  hold() {
    this.holding = true
    const until = performance.now() + SETTLE_MS
    const again = () => {
      if (!this.holding) return
      this.keep()
      if (performance.now() < until) requestAnimationFrame(again)
      else this.letGo()
    }
    again()
  }

  letGo() {
    this.holding = false
    this.note()
  }

  scrolled() {
    if (this.holding) return
    const top = this.view.scrollTop
    if (top === this.top) return
    this.note()
    if (top < this.top) this.towards("earlier")
    else if (top > this.top) this.towards("later")
    this.top = top
  }

  changed() {
    this.keep()
    this.paintWords()
  }

  /* --- more of the chat ---------------------------------------------------------------------------------------------------- */

  watch() {
    const thread = document.querySelector(".st-key-thread")
    if (thread && thread !== this.thread) {
      this.sizes.disconnect()
      this.changes.disconnect()
      this.thread = thread
      this.sizes.observe(thread)
      this.changes.observe(thread, { childList: true, subtree: true, characterData: true })
    }
    this.edges.disconnect()
    this.near = { earlier: false, later: false }
    for (const side of ["earlier", "later"]) {
      const button = this.data[side] && document.querySelector(`.st-key-thread-${side}`)
      if (button) this.edges.observe(button)
    }
  }

  nearEdge(entries) {
    for (const { target, isIntersecting } of entries) {
      const side = target.classList.contains("st-key-thread-earlier") ? "earlier" : "later"
      this.near[side] = isIntersecting
    }
    if (this.side) this.towards(this.side)
  }

  gesture(event) {
    if (this.holding && !(event.type === "keydown" && (event.altKey || event.ctrlKey || event.metaKey))) this.letGo()
    // At the very edge nothing scrolls any more: the wheel and the keys still say where the reader wants to go.
    if (event.type === "wheel" && event.deltaY && this.view.contains(event.target)) this.towards(event.deltaY < 0 ? "earlier" : "later")
    if (event.type === "keydown" && !this.typing(event)) {
      if (["PageUp", "Home", "ArrowUp"].includes(event.key)) this.towards("earlier")
      if (["PageDown", "End", "ArrowDown"].includes(event.key)) this.towards("later")
    }
  }

  /* The reader moves to one side: asks for more there if its edge is near, once until they move again after it came. */
  towards(side) {
    this.side = side
    if (this.near[side] && !this.holding) this.ask(side)
  }

  ask(side) {
    if (this.asked || !this.data[side]) return
    this.side = null
    this.asked = side
    this.note()
    clearTimeout(this.timer)
    this.timer = setTimeout(() => { this.asked = this.wanted = null }, GIVE_UP_MS)
    this.trigger(side, true)
  }

  arrived() {
    clearTimeout(this.timer)
    this.asked = null
    const { wanted } = this
    this.wanted = null
    if (wanted) this.toPrompt(wanted.by, wanted.from)
  }

  /* --- jumps --------------------------------------------------------------------------------------------------------------- */

  go(where) {
    if (where === "previous" || where === "next") return this.toPrompt(where === "next" ? 1 : -1)
    const more = where === "start" ? this.data.earlier : !this.data.ends
    if (more) return this.trigger(where, true)
    memory.place = { at: where }
    this.hold()
  }

  /* Scrolls to the next prompt from where the reader is (or from a message); loads on where there is none on screen. */
  toPrompt(by, from) {
    const { view } = this
    const line = view.getBoundingClientRect().top + this.line()
    const prompts = this.data.prompts.map(id => this.element(id)).filter(Boolean)
    // At the very start the first prompt is where the reader is, though it stands below the line.
    const here = this.element(from) ?? (view.scrollTop < 2 && !this.data.earlier ? prompts[0] : null)
    const start = here ? here.getBoundingClientRect().top : line
    const ahead = prompts.filter(element => (element.getBoundingClientRect().top - start) * by > 4)
    const target = by < 0 ? ahead.at(-1) : ahead[0]
    const side = by < 0 ? "earlier" : "later"
    if (target) return this.scrollBy(target.getBoundingClientRect().top - line)
    if (this.data[side]) {
      const edge = by < 0 ? prompts[0] : prompts.at(-1)
      this.wanted = { by, from: edge && Number(edge.className.match(/st-key-message-(\d+)/)[1]) }
      return this.ask(side)
    }
    this.scrollBy(by * view.scrollHeight)
  }

  scrollBy(pixels) {
    if (this.holding) this.letGo()
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || Math.abs(pixels) > 3 * this.view.clientHeight
    this.view.scrollBy({ top: pixels, behavior: still ? "instant" : "smooth" })
  }

  typing(event) {
    const field = event.composedPath()[0]
    return Boolean(field.closest?.("input, textarea, select, [contenteditable]"))
  }

  key(event) {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return
    // In a text the keys are the text's own.
    if (this.typing(event) && event.composedPath()[0].value) return
    event.preventDefault()
    this.toPrompt(event.key === "ArrowDown" ? 1 : -1)
  }

  /* --- marks --------------------------------------------------------------------------------------------------------------- */

  /* By rules and not on the element, which Streamlit may use for another message. */
  mark(id) {
    const message = `.st-key-thread .st-key-message-${id}`
    this.style.textContent = id === null ? "" : `
      ${message} { background: var(--chat-mark); box-shadow: 0 0 0 0.75rem var(--chat-mark); }
      ${message}::before { content: ""; position: absolute; inset: -0.75rem auto -0.75rem -0.75rem; width: 3px; background: var(--chat-mark-line); }
      ${message} [data-testid="stChatMessage"]:has([data-testid="stChatMessageAvatarUser"]) { background: var(--chat-mark); }`
  }

  paintWords() {
    if (!this.data.words.length && !this.words) return
    cancelAnimationFrame(this.painting)
    this.painting = requestAnimationFrame(() => {
      markWords(this.messages(), this.data.words)
      this.words = this.data.words.length > 0
    })
  }

  close() {
    this.holding = false
    this.listeners.abort()
    this.edges.disconnect()
    this.sizes.disconnect()
    this.changes.disconnect()
    clearTimeout(this.timer)
    clearTimeout(this.settling)
    cancelAnimationFrame(this.painting)
    this.style.remove()
    markWords([], [])
  }
}

export default function (component) {
  const root = component.parentElement.querySelector("#land")
  root.reader ??= new Reader()
  root.reader.update(component.data, component.setTriggerValue)
  return () => {
    root.reader?.close()
    root.reader = null
  }
}
