/* The quiet row of actions under each message: one element for the whole thread puts them there, because a row of Streamlit's own
 * buttons would be sent again with every message at every rerun. Copying happens here; everything else is one trigger, `act`. */

const ICONS = {
  copy: "M16 1H4c-1.1 0-2 .9-2 2v14h2V3h12V1zm3 4H8c-1.1 0-2 .9-2 2v14c0 1.1.9 2 2 2h11c1.1 0 2-.9 2-2V7c0-1.1-.9-2-2-2zm0 16H8V7h11v14z",
  done: "M9 16.17 4.83 12l-1.42 1.41L9 19 21 7l-1.41-1.41z",
  edit: "M14.06 9.02l.92.92L5.92 19H5v-.92l9.06-9.06M17.66 3c-.25 0-.51.1-.7.29l-1.83 1.83 3.75 3.75 1.83-1.83c.39-.39.39-1.02 0-1.41l-2.34-2.34c-.2-.2-.45-.29-.71-.29zm-3.6 3.19L3 17.25V21h3.75L17.81 9.94l-3.75-3.75z",
  retry: "M17.65 6.35C16.2 4.9 14.21 4 12 4c-4.42 0-7.99 3.58-7.99 8s3.57 8 7.99 8c3.73 0 6.84-2.55 7.73-6h-2.08c-.82 2.33-3.04 4-5.65 4-3.31 0-6-2.69-6-6s2.69-6 6-6c1.66 0 3.14.69 4.22 1.78L13 11h7V4l-2.35 2.35z",
  continue: "M8 5v14l11-7L8 5zm2 3.64L15.27 12 10 15.36V8.64z",
  up: "M9 21h9c.83 0 1.54-.5 1.84-1.22l3.02-7.05c.09-.23.14-.47.14-.73v-2c0-1.1-.9-2-2-2h-6.31l.95-4.57.03-.32c0-.41-.17-.79-.44-1.06L14.17 1 7.58 7.59C7.22 7.95 7 8.45 7 9v10c0 1.1.9 2 2 2zM9 9l4.34-4.34L12 10h9v2l-3 7H9V9zM1 9h4v12H1z",
  down: "M15 3H6c-.83 0-1.54.5-1.84 1.22l-3.02 7.05c-.09.23-.14.47-.14.73v2c0 1.1.9 2 2 2h6.31l-.95 4.57-.03.32c0 .41.17.79.44 1.06L9.83 23l6.59-6.59c.36-.36.58-.86.58-1.41V5c0-1.1-.9-2-2-2zm0 12-4.34 4.34L12 14H3v-2l3-7h9v10zm4-12h4v12h-4z",
  note: "M20 2H4c-1.1 0-2 .9-2 2v18l4-4h14c1.1 0 2-.9 2-2V4c0-1.1-.9-2-2-2zm0 14H6l-2 2V4h16v12z",
  fork: "M14 4l2.29 2.29-2.88 2.88 1.42 1.42 2.88-2.88L20 10V4h-6zm-4 0H4v6l2.29-2.29 4.71 4.7V20h2v-8.41l-5.29-5.3L10 4z",
  delete: "M16 9v10H8V9h8m-1.5-6h-5l-1 1H5v2h14V4h-3.5l-1-1zM18 7H6v12c0 1.1.9 2 2 2h8c1.1 0 2-.9 2-2V7z",
  before: "M15.41 7.41 14 6l-6 6 6 6 1.41-1.41L10.83 12z",
  after: "M10 6 8.59 7.41 13.17 12l-4.58 4.59L10 18l6-6z",
}
const MESSAGES = '.st-key-thread [class*="st-key-message-"]'
// The texts come first: what is behind them may wait so long.
const LATEST_MS = 250
const idle = window.requestIdleCallback ?? (run => setTimeout(run, 50))
// A second click in the same breath would act twice; the server's answer draws the row anew.
const BREATH_MS = 800
const COPIED_MS = 1500
const LONGEST_NOTE = 2000

function make(tag, className, text) {
  const element = document.createElement(tag)
  element.className = className
  if (text !== undefined) element.textContent = text
  return element
}

function draw(svg, icon) {
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  path.setAttribute("d", ICONS[icon])
  svg.replaceChildren(path)
}

function button(label, icon, name, onclick) {
  const element = make("button", "message-act")
  element.type = "button"
  element.title = label
  element.setAttribute("aria-label", label)
  element.dataset.testid = `message-${name}`
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  draw(svg, icon)
  element.append(svg)
  element.onclick = onclick
  return element
}

class Bars {
  constructor() {
    // Streamlit uses elements of the page for other messages and draws them anew: what stands where is looked at again and again.
    this.changes = new MutationObserver(() => this.soon())
    const main = document.querySelector('[data-testid="stMain"]') ?? document.body
    this.changes.observe(main, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] })
  }

  update(data, trigger) {
    this.data = data
    this.trigger = trigger
    this.rows = new Map(data.rows.map(row => [row.id, { row, mark: JSON.stringify([data.busy, row]) }]))
    this.place()
  }

  soon() {
    this.request ??= requestAnimationFrame(() => {
      this.request = null
      this.place()
    })
  }

  later() {
    this.waiting = true
    idle(() => {
      this.waiting = false
      if (!this.closed) this.place({ build: true })
    }, { timeout: LATEST_MS })
  }

  /* Takes rows away that belong to another message, and gives every message that is on the page its own when the browser has time. */
  place({ build = false } = {}) {
    let missing = false
    for (const element of document.querySelectorAll(MESSAGES)) {
      const id = Number(element.className.match(/st-key-message-(\d+)/)?.[1])
      const known = this.rows.get(id)
      const bar = element.querySelector(":scope > .message-bar")
      if (!known || (bar && bar.of !== id)) bar?.remove()
      if (known && bar?.mark !== known.mark) {
        missing = true
        if (!build) continue
        const made = this.build(known.row, known.mark)
        const focused = bar?.contains(document.activeElement) && document.activeElement.dataset.testid
        if (bar?.isConnected) bar.replaceWith(made)
        else element.append(made)
        if (focused) made.querySelector(`[data-testid="${focused}"]:not(:disabled)`)?.focus({ preventScroll: true })
      }
    }
    if (missing && !build && !this.waiting) this.later()
  }

  build(row, mark) {
    const bar = make("div", row.role === "user" ? "message-bar message-bar-right" : "message-bar")
    bar.mark = mark
    bar.of = row.id
    bar.setAttribute("role", "toolbar")
    bar.setAttribute("aria-label", row.role === "user" ? "What to do with this prompt" : "What to do with this answer")
    const act = (action, more) => {
      if (bar.inert) return
      bar.inert = true
      setTimeout(() => { bar.inert = false }, BREATH_MS)
      this.trigger("act", { do: action, id: row.id, ...more })
    }
    const add = (label, name, onclick, { waits = false, pressed } = {}) => {
      const element = button(label, name, name, onclick)
      if (waits && this.data.busy) {
        element.disabled = true
        element.title = `${label}: wait until the answer is there, or stop it`
      }
      if (pressed !== undefined) element.setAttribute("aria-pressed", String(pressed))
      bar.append(element)
      return element
    }
    if (row.of > 1) bar.append(this.between(row, act))
    const copy = add("Copy", "copy", () => this.copy(row.id, copy))
    if (row.role === "user") add("Edit and send again", "edit", () => act("edit"), { waits: true })
    else this.ofAnswer(row, bar, add, act)
    add("Delete", "delete", () => act("delete"), { waits: true })
    bar.classList.toggle("message-bar-full", bar.children.length > 8)
    return bar
  }

  ofAnswer(row, bar, add, act) {
    add("Regenerate, with the model chosen below", "retry", () => act("retry"), { waits: true })
    if (row.cut_off) add("Continue", "continue", () => act("continue"), { waits: true })
    const panel = this.panel(row, act)
    for (const [name, rating, label] of [["up", 1, "Good answer"], ["down", -1, "Bad answer"]]) {
      const pressed = row.rating === rating
      add(pressed ? `${label}: take back` : label, name, () => act("rate", { rating: pressed ? 0 : rating }), { pressed })
    }
    if (row.rating) {
      const note = add(row.note ? `Your note: ${row.note}` : "Add a note", "note", () => {
        panel.hidden = !panel.hidden
        note.setAttribute("aria-expanded", String(!panel.hidden))
        if (panel.hidden) return
        // The composer lies over the end of the page.
        const dock = document.querySelector('[data-testid="stBottom"]')?.getBoundingClientRect().top ?? innerHeight
        panel.classList.toggle("message-note-above", panel.getBoundingClientRect().bottom > dock)
        panel.querySelector("textarea").focus({ preventScroll: true })
      }, { pressed: Boolean(row.note) })
      note.setAttribute("aria-expanded", "false")
      panel.onkeydown = event => {
        if (event.key !== "Escape") return
        event.stopPropagation()
        note.click()
        note.focus()
      }
      bar.append(panel)
    }
    add("Fork: go on from here in a copy of the chat", "fork", () => act("fork"))
  }

  /* ‹ 2/3 › */
  between(row, act) {
    const group = make("span", "message-between")
    group.setAttribute("role", "group")
    group.setAttribute("aria-label", `Attempt ${row.at} of ${row.of}`)
    const step = (label, name, to) => {
      const element = button(label, name, name, () => act("switch", { to }))
      element.disabled = to === null
      return element
    }
    const where = make("span", "message-at", `${row.at}/${row.of}`)
    group.append(step("Previous attempt", "before", row.before), where, step("Next attempt", "after", row.after))
    return group
  }

  panel(row, act) {
    const panel = make("form", "message-note")
    panel.hidden = true
    const field = make("textarea", "")
    field.maxLength = LONGEST_NOTE
    field.rows = 3
    field.placeholder = row.rating === 1 ? "What was good?" : "What was wrong?"
    field.setAttribute("aria-label", "Your note on this answer")
    field.dataset.testid = "message-note-field"
    field.value = row.note ?? ""
    const save = make("button", "", "Save the note")
    save.type = "submit"
    panel.append(field, save)
    panel.onsubmit = event => {
      event.preventDefault()
      act("rate", { rating: row.rating, note: field.value })
    }
    return panel
  }

  /* The text as it was written, not as it is drawn; the page has only the latter. */
  async copy(id, element) {
    const text = fetch(`${location.origin}${this.data.base}/api/v1/messages/${id}`)
      .then(answer => answer.json())
      .then(found => found.message.text)
    let copied = true
    try {
      // With a promise, because some browsers allow it in the moment of the click only.
      const item = new ClipboardItem({ "text/plain": text.then(found => new Blob([found], { type: "text/plain" })) })
      await navigator.clipboard.write([item])
    } catch {
      copied = await text.then(found => this.copyByHand(found), () => false)
    }
    draw(element.querySelector("svg"), copied ? "done" : "copy")
    element.title = copied ? "Copied" : "It could not be copied. Mark the text and copy it."
    element.setAttribute("aria-label", element.title)
    setTimeout(() => {
      draw(element.querySelector("svg"), "copy")
      element.title = "Copy"
      element.setAttribute("aria-label", "Copy")
    }, COPIED_MS)
  }

  /* Without https there is no clipboard; the old way works still. */
  copyByHand(text) {
    const field = document.body.appendChild(make("textarea", ""))
    field.style.cssText = "position: fixed; opacity: 0"
    field.value = text
    field.select()
    const done = document.execCommand("copy")
    field.remove()
    return done
  }

  close() {
    this.closed = true
    this.changes.disconnect()
    cancelAnimationFrame(this.request)
    for (const bar of document.querySelectorAll(`${MESSAGES} > .message-bar`)) bar.remove()
  }
}

export default function (component) {
  const root = component.parentElement.querySelector("#bars")
  root.bars ??= new Bars()
  root.bars.update(component.data, component.setTriggerValue)
  return () => {
    root.bars?.close()
    root.bars = null
  }
}
