/* Keeps what is typed into the prompt field in this browser, by chat, and puts it back after a reload or a visit elsewhere.
 *
 * The field is Streamlit's: its text is changed as if it were typed, or the field would not know of it. Nothing here talks to the
 * server. Old drafts are thrown away, so that the browser's store does not fill up.
 */

const PREFIX = "chatcore.draft."
const WRITE_AFTER_MS = 250
const LONGEST = 100_000
const MOST = 50
const DAYS_KEPT = 30
const DAY_MS = 86_400_000
const LOOK_MS = 50
// A page that is being drawn puts its field there after this element.
const TRIES = 40

const field = () => document.querySelector('[data-testid="stChatInput"] textarea')

// A store that is full or forbidden keeps no drafts; everything else goes on.
const guarded = action => { try { return action() } catch { return null } }

class Drafts {
  constructor() {
    this.onInput = event => { if (event.target === field()) this.typed() }
    this.onKey = event => { if (event.key === "Enter" && !event.shiftKey && event.target === field()) this.sent() }
    this.onClick = event => { if (event.target.closest?.('[data-testid="stChatInputSubmitButton"]')) this.sent() }
    this.onLeave = () => this.write()
    document.addEventListener("input", this.onInput, true)
    document.addEventListener("keydown", this.onKey, true)
    document.addEventListener("click", this.onClick, true)
    addEventListener("pagehide", this.onLeave)
    this.tidy()
  }

  remove() {
    this.write()
    clearTimeout(this.timer)
    clearTimeout(this.looking)
    document.removeEventListener("input", this.onInput, true)
    document.removeEventListener("keydown", this.onKey, true)
    document.removeEventListener("click", this.onClick, true)
    removeEventListener("pagehide", this.onLeave)
  }

  key(chat) { return `${PREFIX}${this.owner}.${chat}` }

  show({ owner, chat }) {
    if (owner === this.owner && chat === this.chat) return
    const before = this.chat
    this.write()
    this.owner = owner
    this.chat = chat
    clearTimeout(this.looking)
    // What is typed while a new chat comes into being belongs to that chat.
    const carried = before === "new" && this.sentFrom === "new" ? field()?.value : ""
    if (carried && chat) {
      guarded(() => localStorage.removeItem(this.key("new")))
      this.typed()
    } else this.restore(before !== undefined, TRIES)
    this.sentFrom = null
  }

  restore(moved, tries) {
    const box = field()
    if (!box) {
      if (tries) this.looking = setTimeout(() => this.restore(moved, tries - 1), LOOK_MS)
      return
    }
    const kept = this.chat ? guarded(() => JSON.parse(localStorage.getItem(this.key(this.chat)))?.text) ?? "" : ""
    // What the server put there, because it could not be sent, is newer than what was kept.
    if (box.value && !moved) return
    if (box.value !== kept) this.put(box, kept)
  }

  put(box, text) {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, text)
    box.dispatchEvent(new Event("input", { bubbles: true }))
  }

  typed() {
    this.dirty = true
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.write(), WRITE_AFTER_MS)
  }

  write() {
    if (!this.dirty || !this.chat) return
    this.dirty = false
    const text = field()?.value
    if (text === undefined) return
    guarded(() => {
      if (text.trim() && text.length <= LONGEST) localStorage.setItem(this.key(this.chat), JSON.stringify({ text, at: Date.now() }))
      else localStorage.removeItem(this.key(this.chat))
    })
  }

  sent() {
    // The field empties itself when it has been sent, and stays as it is when it has not.
    const chat = this.chat
    setTimeout(() => {
      if (field()?.value || !chat) return
      this.sentFrom = chat
      this.dirty = false
      guarded(() => localStorage.removeItem(this.key(chat)))
    }, LOOK_MS)
  }

  tidy() {
    guarded(() => {
      const names = Object.keys(localStorage).filter(name => name.startsWith(PREFIX))
      const at = name => guarded(() => JSON.parse(localStorage.getItem(name)).at) ?? 0
      const kept = names.filter(name => at(name) > Date.now() - DAYS_KEPT * DAY_MS).sort((one, other) => at(other) - at(one)).slice(0, MOST)
      for (const name of names) if (!kept.includes(name)) localStorage.removeItem(name)
    })
  }
}

export default function (component) {
  const root = component.parentElement.querySelector("#drafts")
  root.drafts ??= new Drafts()
  root.drafts.show(component.data)
  return () => {
    root.drafts?.remove()
    root.drafts = null
  }
}
