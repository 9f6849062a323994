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
const SETTLED_MS = 300
// So long after a prompt was sent its chat may come.
const BIRTH_MS = 20_000
// A page that is being drawn puts its field there after this element.
const TRIES = 40

const field = () => document.querySelector('[data-testid="stChatInput"] textarea')
// The address knows the chat first: a slow page tells it here a moment after its field can be typed in.
const addressed = () => new URLSearchParams(location.search).get("c") ?? "new"

// A store that is full or forbidden keeps no drafts; everything else goes on.
const guarded = action => { try { return action() } catch { return null } }

class Drafts {
  constructor() {
    document.addEventListener("input", event => { if (event.target === field()) this.typed(event.target.value, event.isTrusted) }, true)
    document.addEventListener("keydown", event => { if (event.key === "Enter" && !event.shiftKey && event.target === field()) this.sent() }, true)
    document.addEventListener("click", event => { if (event.target.closest?.('[data-testid="stChatInputSubmitButton"]')) this.sent() }, true)
    addEventListener("pagehide", () => this.write())
    this.tidy()
  }

  key(chat) { return `${PREFIX}${this.owner}.${chat}` }

  show({ owner, chat }) {
    const address = addressed()
    const ahead = this.ahead?.address === address ? this.ahead.text : ""
    this.ahead = null
    this.address = address
    if (owner === this.owner && chat === this.chat && !this.away) return
    const before = this.chat
    this.write()
    this.owner = owner
    this.chat = chat
    this.away = false
    clearTimeout(this.looking)
    // What is typed while a new chat comes into being belongs to that chat. The page may draw itself once more before it is there.
    const isBirth = this.isBorn(before)
    if (isBirth && chat === before) return
    this.sentFrom = null
    const carried = isBirth ? field()?.value : ""
    if (carried && chat) {
      guarded(() => localStorage.removeItem(this.key(before)))
      this.typed(carried)
    } else this.restore(before !== undefined && before !== chat, TRIES, ahead)
  }

  // The page draws this element anew, or shows none of it: which chat was there is known on.
  leave() {
    this.write()
    clearTimeout(this.looking)
    this.away = true
  }

  // Whether a chat comes into being of what was just sent from the page of a new one.
  isBorn(chat) { return chat === "new" && this.sentFrom === "new" && Date.now() - this.sentAt < BIRTH_MS }

  // With what was typed ahead behind it.
  restore(moved, tries, ahead = "") {
    const again = wait => { if (tries) this.looking = setTimeout(() => this.restore(moved, tries - 1, ahead), wait) }
    const box = field()
    if (!box) return again(LOOK_MS)
    const kept = (this.chat ? guarded(() => JSON.parse(localStorage.getItem(this.key(this.chat)))?.text) ?? "" : "") + ahead
    // What the server put there, because it could not be sent, is newer than what was kept.
    if ((moved || !box.value) && box.value !== kept) this.put(box, kept)
    // A field that was about to be drawn anew is another one a moment later.
    this.looking = setTimeout(() => { if (field() !== box && !field()?.value) this.restore(false, 0) }, SETTLED_MS)
  }

  put(box, text) {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, text)
    box.dispatchEvent(new Event("input", { bubbles: true }))
  }

  typed(text, byHand = false) {
    if (byHand && this.isAhead()) return this.keepAhead(text)
    this.text = text
    this.of = this.chat
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.write(), WRITE_AFTER_MS)
  }

  // Whether the page is at a chat already that nobody has told this yet.
  isAhead() { return this.address !== undefined && this.address !== addressed() && !this.isBorn(this.chat) }

  // The field still holds what was typed for the chat before.
  keepAhead(text) {
    const had = this.ahead?.had ?? this.text ?? ""
    this.ahead = { address: addressed(), had, text: text.startsWith(had) ? text.slice(had.length) : text }
  }

  write() {
    if (!this.of) return
    const key = this.key(this.of)
    this.of = undefined
    guarded(() => {
      if (this.text.trim() && this.text.length <= LONGEST) localStorage.setItem(key, JSON.stringify({ text: this.text, at: Date.now() }))
      else localStorage.removeItem(key)
    })
  }

  sent() {
    if (this.isAhead()) return
    const chat = this.chat
    const was = field()?.value ?? ""
    setTimeout(() => {
      // The field empties itself when it has been sent, and stays as it is when it has not; one may type on meanwhile.
      const now = field()?.value ?? ""
      if (!chat || (was && now.startsWith(was))) return
      // A slow page may be at the new chat by now, and so is the field.
      if (chat !== this.chat) return guarded(() => localStorage.removeItem(this.key(chat)))
      this.sentFrom = chat
      this.sentAt = Date.now()
      this.text = now
      this.of = chat
      this.write()
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
  // One for the page, because this element comes and goes.
  const drafts = (window.chatcoreDrafts ??= new Drafts())
  window.chatcoreFiles ??= new Files()
  drafts.show(component.data)
  return () => drafts.leave()
}
