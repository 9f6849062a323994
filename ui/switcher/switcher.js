/* The quick switcher. Opens with Ctrl+K or ⌘K, asks the server at every letter, and tells the script where to go with one
 * trigger, `go`. What is there stays until the next answer comes. Texts are put in as text, never as HTML. */

const KEYS = ["keydown", "keyup", "keypress"]
const RETRY_MS = 2000
const SAID_AFTER_MS = 500
const MAC = /mac|iphone|ipad/i.test(navigator.userAgentData?.platform ?? navigator.platform)
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
const ICONS = {
  chat: "M4 4.5h16v12H8.6L4 20.6zm1.6 1.6v10.7l2.3-1.9h10.5V6.1z",
  message: "M5 6h14v1.6H5zm0 5.2h14v1.6H5zm0 5.2h9V18H5z",
  page: "M13 5.3 19.7 12 13 18.7l-1.1-1.1 4.8-4.8H4.5v-1.6h12.2l-4.8-4.8z",
  glass: "M10.5 4a6.5 6.5 0 1 0 4.1 11.6l4.6 4.6 1.1-1.1-4.6-4.6A6.5 6.5 0 0 0 10.5 4zm0 1.6a4.9 4.9 0 1 1 0 9.8 4.9 4.9 0 0 1 0-9.8z",
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value)
  element.append(...children)
  return element
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  path.setAttribute("d", ICONS[name])
  svg.append(path)
  return svg
}

// The marks count characters, and a string counts some of them twice.
function marked(text, marks) {
  const letters = [...text]
  const nodes = []
  let at = 0
  for (const [start, end] of marks) {
    nodes.push(letters.slice(at, start).join(""), make("mark", {}, letters.slice(start, end).join("")))
    at = end
  }
  nodes.push(letters.slice(at).join(""))
  return nodes
}

// As `ui.words` writes them, so that the pages and this agree.
function moment(iso) {
  const then = new Date(iso)
  const midnight = new Date()
  midnight.setHours(0, 0, 0, 0)
  const clock = `${String(then.getHours()).padStart(2, "0")}:${String(then.getMinutes()).padStart(2, "0")}`
  if (then >= midnight) return clock
  if (then.getFullYear() !== midnight.getFullYear()) return `${then.getDate()} ${MONTHS[then.getMonth()]} ${then.getFullYear()}`
  midnight.setDate(midnight.getDate() - 1)
  return then >= midnight ? `Yesterday ${clock}` : `${then.getDate()} ${MONTHS[then.getMonth()]} ${clock}`
}

const modelName = (provider, model) => (provider === "guide" ? "Built-in guide" : model || "Unknown model")
const plural = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`
const facts = (...parts) => parts.filter(Boolean).join(" · ")

const sentences = error => [error?.message ?? "The search failed.", error?.hint].filter(Boolean).join(" ")

function isShortcut(event) {
  const control = MAC ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey
  // Where the keyboard writes no Latin letters, the place of the key counts.
  const isK = event.key?.toLowerCase() === "k" || (event.code === "KeyK" && event.key > "\u007f")
  return control && isK && !event.altKey && !event.shiftKey
}

// Where the focus is, also inside components.
function focused() {
  let element = document.activeElement
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
  return element
}

class Switcher {
  constructor(root, sheet) {
    this.root = root
    this.keys = new Keys(sheet, () => this.trigger("go", { page: "", params: {} }))
    this.input = root.querySelector("#text")
    this.list = root.querySelector("#results")
    this.note = root.querySelector(".note")
    this.nothing = root.querySelector(".nothing")
    this.count = root.querySelector(".count")
    this.rows = []
    this.active = -1
    // For which text the rows are; null before the first answer.
    this.shown = null
    this.recent = null
    this.onKey = event => this.key(event)
    this.onCall = () => this.open()
    // Before the page, which has shortcuts of single letters and sees a key in here as one outside of any field.
    for (const kind of KEYS) window.addEventListener(kind, this.onKey, true)
    window.addEventListener("chatcore:search", this.onCall)
    this.input.addEventListener("input", () => this.typed())
    root.addEventListener("pointerdown", event => { if (event.target === root) this.close() })
    // Android's way back closes it too.
    root.addEventListener("close", () => { if (!root.open) this.closed() })
    const close = root.querySelector(".close")
    close.addEventListener("click", () => this.close())
    if (matchMedia("(hover: none)").matches) close.textContent = "Close"
    // The field keeps the focus, whatever is clicked.
    this.list.addEventListener("mousedown", event => event.preventDefault())
    const control = MAC ? "⌘" : "Ctrl"
    const hints = [["↑ ↓", "choose"], ["Enter", "open"], [`${control} Enter`, "new tab"], ["Esc", "close"], [`${control} /`, "all keys"]]
    root.querySelector(".foot").append(...hints.map(([key, does]) => make("span", {}, make("kbd", {}, key), ` ${does}`)))
  }

  remove() {
    for (const kind of KEYS) window.removeEventListener(kind, this.onKey, true)
    window.removeEventListener("chatcore:search", this.onCall)
    this.close()
  }

  // --- open and close --------------------------------------------------------------------------------------------

  open() {
    if (this.root.open) return
    // Another dialog waits for an answer, and would take the focus away again.
    if (document.querySelector('[data-testid="stDialog"]')) return
    this.keys.sheet.close()
    this.back = focused()
    this.input.value = ""
    this.moved = false
    this.waiting = null
    this.say("")
    this.draw(this.recent)
    this.root.showModal()
    this.input.focus()
    this.ask()
  }

  close() {
    if (!this.root.open) return
    this.root.close()
    this.closed()
  }

  closed() {
    this.asking?.abort()
    clearTimeout(this.again)
    clearTimeout(this.saying)
    this.waiting = null
    if (this.back?.isConnected) this.back.focus({ preventScroll: true })
    this.back = null
  }

  // --- asking ----------------------------------------------------------------------------------------------------

  typed() {
    this.waiting = null
    this.moved = false
    this.ask()
  }

  async ask() {
    this.asking?.abort()
    clearTimeout(this.again)
    const asking = (this.asking = new AbortController())
    const text = this.input.value
    const query = new URLSearchParams({ q: text.trim() && text, zone: this.data.zone })
    this.list.setAttribute("aria-busy", "true")
    this.root.classList.add("busy")
    try {
      const response = await fetch(`${this.data.base}/api/v1/search/switch?${query}`, { credentials: "same-origin", signal: asking.signal })
      const answer = await response.json()
      if (asking.signal.aborted) return
      if (!response.ok) {
        this.failed(text, response.status === 401 ? "You are signed out. Reload the page and sign in again." : sentences(answer.error))
        return
      }
      if (!text.trim()) this.recent = answer
      this.draw(answer, text)
    } catch {
      if (asking.signal.aborted) return
      this.failed(text, "The server does not answer. Nothing is lost; this goes on when it is back.")
      this.again = setTimeout(() => this.ask(), RETRY_MS)
    } finally {
      if (this.asking === asking) {
        this.list.removeAttribute("aria-busy")
        this.root.classList.remove("busy")
      }
    }
  }

  failed(text, sentence) {
    this.waiting = null
    this.draw(null, text)
    this.shown = text
    this.tell(sentence, true)
    this.say(sentence)
  }

  tell(sentence, isError = false) {
    this.note.textContent = sentence
    this.note.hidden = !sentence
    this.note.classList.toggle("error", isError)
  }

  // Spoken when the typing pauses: every letter brings another number.
  say(sentence) {
    clearTimeout(this.saying)
    if (this.count.textContent === sentence) return
    this.saying = setTimeout(() => { this.count.textContent = sentence }, sentence ? SAID_AFTER_MS : 0)
  }

  // --- drawing ---------------------------------------------------------------------------------------------------

  draw(answer, text = "") {
    const kept = this.moved ? this.rows[this.active]?.href : null
    const typed = text.trim().toLowerCase()
    this.shown = answer ? text : null
    this.rows = []
    const sections = []
    // Who asks for recent chats wants another than the open one, so that two keys lead back to the last.
    const here = typed ? null : new URLSearchParams(location.search).get("c")
    const chats = answer?.chats.filter(chat => chat.id !== here) ?? []
    const hits = answer?.hits ?? []
    if (answer) {
      const commands = this.data.commands.filter(({ label }) => label.toLowerCase().includes(typed))
      // Who writes the name of a page means the page.
      const first = typed.length > 1 && commands.filter(({ label }) => label.toLowerCase().startsWith(typed))
      const rest = first ? commands.filter(command => !first.includes(command)) : commands
      if (first) sections.push(this.section("Go to", first.map(command => this.command(command))))
      sections.push(this.section(typed ? "Chats" : "Recent chats", chats.map(chat => this.chat(chat))))
      sections.push(this.section("Messages", hits.map(hit => this.message(hit))))
      sections.push(this.section("Go to", rest.map(command => this.command(command))))
      if (typed) sections.push(this.section(null, [this.everything(text.trim())]))
    }
    this.list.replaceChildren(...sections.filter(Boolean))
    this.list.scrollTop = 0
    const found = chats.length + hits.length
    this.nothing.hidden = !answer || !typed || found > 0
    // Before the third letter only whole words are looked for (chatcore.search.query.SHORTEST_PREFIX).
    const begun = /(^|\s)[\x21-\x7e]{1,2}$/.test(text)
    this.nothing.textContent = begun ? "Go on typing: a word is found from its third letter on." : `Nothing found for “${text.trim()}”.`
    const share = Math.floor((answer?.indexed ?? 1) * 100)
    this.tell(share < 100 ? `${share}% of your messages can be found so far.` : "")
    if (answer && !typed) this.say(plural(found, "recent chat"))
    else if (answer) this.say(found ? `${plural(chats.length, "chat")}, ${plural(hits.length, "message")}` : "Nothing found")
    const again = kept ? this.rows.findIndex(row => row.href === kept) : -1
    this.mark(again >= 0 ? again : this.rows.length ? 0 : -1)
    if (this.waiting) this.go(this.rows[this.active], this.waiting.tab)
  }

  section(label, options) {
    if (!options.length) return null
    if (!label) return make("div", { class: "section", role: "presentation" }, ...options)
    const id = `label-${options[0].id}`
    return make("div", { class: "section", role: "group", "aria-labelledby": id }, make("div", { class: "label", id }, label), ...options)
  }

  chat(chat) {
    const where = chat.deleted_at ? "In the trash" : chat.archived ? "Archived" : ""
    const aside = facts(where, modelName(chat.provider, chat.model), moment(chat.last_message_at ?? chat.updated_at))
    return this.option("chat", "", { c: chat.id }, [make("span", { class: "title" }, ...marked(chat.title, chat.marks))], aside)
  }

  message(hit) {
    const where = hit.in_trash ? "In the trash" : hit.archived ? "Archived" : ""
    const aside = facts(where, hit.role === "user" ? "You" : modelName(hit.provider, hit.model), moment(hit.created_at))
    const lines = [make("span", { class: "where" }, hit.chat_title), make("span", { class: "snippet" }, ...marked(hit.snippet, hit.marks))]
    return this.option("message", "", { c: hit.chat_id, m: String(hit.message_id) }, lines, aside)
  }

  command({ label, page }) {
    return this.option("page", page, {}, [make("span", { class: "title" }, label)], "")
  }

  everything(text) {
    return this.option("glass", "sessions", { q: text }, [make("span", { class: "title" }, `Search everything for “${text}”`)], "")
  }

  option(kind, page, params, lines, aside) {
    const query = new URLSearchParams(params).toString()
    const href = `${this.data.base}/${page}${query ? `?${query}` : ""}`
    const number = this.rows.length
    const node = make("a", { class: "option", role: "option", id: `option-${number}`, href, tabindex: "-1", "aria-selected": "false" },
      icon(kind), make("span", { class: "lines" }, ...lines), make("span", { class: "aside" }, aside))
    const row = { node, page, params, href }
    node.addEventListener("click", event => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return
      event.preventDefault()
      this.go(row, false)
    })
    // Only a pointer that moves chooses: rows that come to lie below one that rests do not.
    node.addEventListener("pointermove", () => { if (this.active !== number) { this.moved = true; this.mark(number, false) } })
    this.rows.push(row)
    return node
  }

  mark(number, show = true) {
    this.rows[this.active]?.node.setAttribute("aria-selected", "false")
    this.active = number
    const row = this.rows[number]
    if (!row) {
      this.input.removeAttribute("aria-activedescendant")
      return
    }
    row.node.setAttribute("aria-selected", "true")
    this.input.setAttribute("aria-activedescendant", row.node.id)
    // The first row brings its heading into view too.
    if (show) (number ? row.node : this.list.firstElementChild).scrollIntoView({ block: "nearest" })
  }

  // --- keys ------------------------------------------------------------------------------------------------------

  key(event) {
    if (event.type === "keydown" && isShortcut(event)) {
      event.preventDefault()
      event.stopPropagation()
      if (event.repeat) return
      if (this.root.open) this.close()
      else this.open()
    } else if (this.root.open && event.composedPath().includes(this.root)) {
      event.stopPropagation()
      if (event.type === "keydown" && !event.isComposing) this.pressed(event)
    } else if (event.type === "keydown" && !this.root.open) this.keys.pressed(event)
  }

  pressed(event) {
    const close = this.root.querySelector(".close")
    const inField = event.composedPath()[0] === this.input
    if (event.key === "Escape") this.close()
    else if (event.key === "Tab") (inField ? close : this.input).focus()
    else if (event.key === "Enter" && inField) this.enter(event.ctrlKey || event.metaKey)
    else if (!this.move(event)) return
    event.preventDefault()
  }

  move(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !this.rows.length) return false
    const last = this.rows.length - 1
    const to = {
      ArrowDown: this.active < last ? this.active + 1 : 0,
      ArrowUp: this.active > 0 ? this.active - 1 : last,
      PageDown: Math.min(this.active + 5, last),
      PageUp: Math.max(this.active - 5, 0),
      Home: 0,
      End: last,
    }[event.key]
    if (to === undefined) return false
    this.input.focus()
    this.moved = true
    this.mark(to)
    return true
  }

  enter(tab) {
    // Faster than the answer: what the text finds is opened when it is known.
    if (this.shown !== this.input.value && !this.moved) this.waiting = { tab }
    else this.go(this.rows[this.active], tab)
  }

  go(row, tab) {
    this.waiting = null
    if (!row) return
    if (tab) {
      window.open(row.href, "_blank", "noopener")
      return
    }
    this.close()
    this.trigger("go", { page: row.page, params: row.params })
  }
}

export default function (component) {
  const root = component.parentElement.querySelector("#switcher")
  root.switcher ??= new Switcher(root, component.parentElement.querySelector("#keys"))
  root.switcher.data = component.data
  root.switcher.trigger = component.setTriggerValue
  return () => {
    root.switcher?.remove()
    root.switcher = null
  }
}
