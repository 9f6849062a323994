/* Where the reader lands: at the end of a chat that opens, and where they were when earlier messages are put above.
 * Stands behind the last message and draws nothing. */

const SETTLE_MS = 1000

export default function (component) {
  const root = component.parentElement.querySelector("#land")
  const view = document.querySelector('[data-testid="stMain"]') ?? document.scrollingElement
  const { first } = component.data
  const mark = (root.mark ??= { first: null, fromEnd: 0 })

  if (!mark.note) {
    mark.note = () => { if (!mark.holding) mark.fromEnd = view.scrollHeight - view.scrollTop }
    view.addEventListener("scroll", mark.note, { passive: true })
  }
  if (mark.first !== first) {
    const toEnd = mark.first === null
    const fromEnd = mark.fromEnd
    mark.first = first
    mark.holding = true
    const until = performance.now() + SETTLE_MS
    const letGo = () => { mark.holding = false }
    // Code is coloured and formulas are set a moment later, which moves what is below: hold on until then, or the reader moves.
    const hold = () => {
      if (!mark.holding) return
      view.scrollTop = toEnd ? view.scrollHeight : view.scrollHeight - fromEnd
      if (performance.now() < until) requestAnimationFrame(hold)
      else letGo()
    }
    for (const kind of ["wheel", "touchstart", "keydown", "pointerdown"]) window.addEventListener(kind, letGo, { once: true, passive: true })
    hold()
  }

  return () => {
    mark.holding = false
    view.removeEventListener("scroll", mark.note)
  }
}
