/* The bar over a chat. What moves the reader is an event for the landing (ui/live/land.js), which knows what is on screen; what needs
 * the server is one trigger, `act`. */

const ICONS = {
  start: "M8 11h3v10h2V11h3l-4-4-4 4zM4 3v2h16V3H4z",
  up: "m12 8-6 6 1.41 1.41L12 10.83l4.59 4.58L18 14z",
  down: "M16.59 8.59 12 13.17 7.41 8.59 6 10l6 6 6-6z",
  end: "M16 13h-3V3h-2v10H8l4 4 4-4zM4 19v2h16v-2H4z",
  day: "M19 4h-1V2h-2v2H8V2H6v2H5c-1.1 0-2 .9-2 2v14c0 1.1.9 2 2 2h14c1.1 0 2-.9 2-2V6c0-1.1-.9-2-2-2zm0 16H5V10h14v10zm0-12H5V6h14v2z",
  find: "M15.5 14h-.79l-.28-.27C15.41 12.59 16 11.11 16 9.5 16 5.91 13.09 3 9.5 3S3 5.91 3 9.5 5.91 16 9.5 16c1.61 0 3.09-.59 4.23-1.57l.27.28v.79l5 4.99L20.49 19l-4.99-5zm-6 0C7.01 14 5 11.99 5 9.5S7.01 5 9.5 5 14 7.01 14 9.5 11.99 14 9.5 14z",
  close: "M19 6.41 17.59 5 12 10.59 6.41 5 5 6.41 10.59 12 5 17.59 6.41 19 12 13.41 17.59 19 19 17.59 13.41 12z",
}
// What only a long chat has, in the order of the buttons.
const MOVES = [
  ["start", "Jump to the start", "start"],
  ["previous", "Previous prompt (Alt+↑)", "up", "Alt+ArrowUp"],
  ["next", "Next prompt (Alt+↓)", "down", "Alt+ArrowDown"],
  ["end", "Jump to the newest messages", "end"],
]

function button(label, icon, testid, onclick, shortcut) {
  const element = document.createElement("button")
  element.type = "button"
  element.title = label
  element.setAttribute("aria-label", label.replace(/ \(.*\)$/, ""))
  element.dataset.testid = testid
  if (shortcut) element.setAttribute("aria-keyshortcuts", shortcut)
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  path.setAttribute("d", ICONS[icon])
  svg.append(path)
  element.append(svg)
  element.onclick = onclick
  return element
}

const dayOf = text => new Date(`${text}T12:00`).toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" })

class Bar {
  constructor(root) {
    this.root = root
    this.tools = root.querySelector(".tools")
    this.day = root.querySelector(".day")
    this.find = root.querySelector(".find")
    this.dayField = this.day.querySelector("input")
    this.field = this.find.querySelector("input")
    this.count = this.find.querySelector(".count")
    this.steps = [
      button("Previous hit (Enter)", "up", "chat-find-previous", () => this.step(-1)),
      button("Next hit (Shift+Enter)", "down", "chat-find-next", () => this.step(1)),
    ]
    const close = button("Close the search", "close", "chat-find-close", () => this.close(this.find))
    this.find.querySelector(".steps").append(...this.steps, close)
    this.moves = MOVES.map(([go, label, icon, shortcut]) =>
      button(label, icon, `chat-go-${go}`, () => window.dispatchEvent(new CustomEvent("chatcore:go", { detail: go })), shortcut))
    this.dayButton = button("Go to a date", "day", "chat-go-date", () => this.toggle(this.day))
    this.findButton = button("Search in this chat", "find", "chat-find-open", () => this.toggle(this.find))
    this.day.onsubmit = event => {
      event.preventDefault()
      this.close(this.day)
      this.act({ do: "date", day: this.dayField.value })
    }
    this.find.onsubmit = event => event.preventDefault()
    this.field.onkeydown = event => {
      if (event.key !== "Enter" || event.isComposing) return
      event.preventDefault()
      const text = this.field.value.trim()
      if (text !== this.data.text) this.look(text)
      else this.step(event.shiftKey ? 1 : -1)
    }
    // The cross inside the field empties it.
    this.field.onsearch = () => { if (!this.field.value && this.data.text) this.look("") }
    root.onkeydown = event => {
      const open = [this.day, this.find].find(panel => !panel.hidden)
      if (event.key === "Escape" && open) { event.stopPropagation(); this.close(open) }
    }
  }

  update(data, trigger) {
    const other = this.data?.chat !== data.chat
    const before = this.data
    this.data = data
    this.act = action => trigger("act", action)
    // The page's own colour, which Streamlit tells only to components: the head of a long chat lies over the messages.
    document.documentElement.style.setProperty("--chat-page", getComputedStyle(this.root).getPropertyValue("--st-background-color"))
    const wanted = data.long ? [...this.moves, this.dayButton, this.findButton] : [this.findButton]
    if (this.tools.children.length !== wanted.length) this.tools.replaceChildren(...wanted)
    if (other) {
      this.show(this.day, false)
      this.show(this.find, Boolean(data.text))
    }
    // The search ended elsewhere: the chat was opened anew.
    if (before?.text && !data.text && this.field.value.trim()) this.show(this.find, false)
    this.stay()
    if (other || (data.text !== before.text && data.text)) this.field.value = data.text
    this.dayField.min = data.first_day ?? ""
    this.dayField.max = data.last_day ?? ""
    const days = [...new Set([data.first_day, data.last_day])].filter(Boolean)
    this.day.querySelector(".hint").textContent = days.map(dayOf).join(" to ")
    this.find.querySelector(".hint").textContent = data.text ? data.notice : ""
    this.count.textContent = data.text ? this.counted(data) : ""
    for (const step of this.steps) step.disabled = !data.hits
  }

  counted({ hits, complete, at }) {
    if (!hits) return "No hits"
    const all = hits.toLocaleString() + (complete ? "" : "+")
    return at ? `${at.toLocaleString()} of ${all}` : hits === 1 ? "1 hit" : `${all} hits`
  }

  look(text) {
    this.count.textContent = text ? "…" : ""
    this.act({ do: "find", text })
  }

  step(by) {
    if (this.data.hits) this.act({ do: "hit", by: String(by) })
  }

  toggle(panel) {
    if (!panel.hidden) return this.close(panel)
    for (const other of [this.day, this.find]) this.show(other, other === panel)
    const field = panel === this.day ? this.dayField : this.field
    if (panel === this.day) this.dayField.value = this.data.day ?? ""
    field.focus()
    if (panel === this.find) field.select()
  }

  show(panel, open) {
    panel.hidden = !open
    this.stay()
    const owner = panel === this.day ? this.dayButton : this.findButton
    owner.setAttribute("aria-expanded", String(open))
  }

  /* Tells the page's style whether the head stays in sight. */
  stay() {
    const { host } = this.root.getRootNode()
    if (host) host.toggleAttribute("data-stays", this.data.long || !this.day.hidden || !this.find.hidden)
  }

  close(panel) {
    const inside = panel.contains(this.root.getRootNode().activeElement)
    this.show(panel, false)
    if (inside) (panel === this.day ? this.dayButton : this.findButton).focus()
    if (panel === this.find && this.data.text) {
      this.field.value = ""
      this.act({ do: "close" })
    }
  }
}

export default function (component) {
  const root = component.parentElement.querySelector("#bar")
  root.bar ??= new Bar(root)
  root.bar.update(component.data, component.setTriggerValue)
}
