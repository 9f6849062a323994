/* Which words are marked in the messages: the search's own terms, found in what the browser shows. Nothing in the page is changed:
 * the places are painted by the CSS Custom Highlight API, and where there is none, nothing is. */

const BLOCKS = "p, li, td, th, h1, h2, h3, h4, h5, h6, pre, blockquote, div"
const SIGNS = "[^\\p{L}\\p{N}]*"
const MOST_RANGES = 2000

/* What finds the terms in folded text; null for none. A word of ASCII is not found inside a longer one. */
function patternOf(terms) {
  const escaped = word => word.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")
  const found = terms.map(({ words, prefix }) => {
    const before = /^[a-z0-9]/.test(words[0]) ? "(?<![a-z0-9])" : ""
    const after = /[a-z0-9]$/.test(words.at(-1)) && !prefix ? "(?![a-z0-9])" : ""
    return before + words.map(escaped).join(SIGNS) + after
  })
  return found.length ? new RegExp(found.join("|"), "gu") : null
}

/* The text below an element without case, accents and compatibility forms, and where each letter of it stands. */
function foldedText(element) {
  const letters = []
  const places = []
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
  let block = null
  while (walker.nextNode()) {
    const node = walker.currentNode
    const own = node.parentElement.closest(BLOCKS)
    if (own !== block) {
      letters.push("\n")
      places.push(null)
      block = own
    }
    let at = 0
    for (const letter of node.data) {
      for (const fold of letter.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase()) {
        for (let unit = 0; unit < fold.length; unit++) places.push([node, at, at + letter.length])
        letters.push(fold)
      }
      at += letter.length
    }
  }
  return { text: letters.join(""), places }
}

/* The places of the pattern below an element. */
function rangesIn(element, pattern, ranges) {
  const { text, places } = foldedText(element)
  for (const match of text.matchAll(pattern)) {
    const [from, to] = [places[match.index], places[match.index + match[0].length - 1]]
    if (!match[0] || !from || !to || ranges.length >= MOST_RANGES) continue
    const range = new Range()
    range.setStart(from[0], from[1])
    range.setEnd(to[0], to[2])
    ranges.push(range)
  }
}

/* Marks the terms in all of these elements, and takes away what was marked before. */
function markWords(elements, terms) {
  if (!window.Highlight || !CSS.highlights) return
  const pattern = patternOf(terms)
  const ranges = []
  if (pattern) for (const element of elements) rangesIn(element, pattern, ranges)
  if (ranges.length) CSS.highlights.set("chatcore-found", new Highlight(...ranges))
  else CSS.highlights.delete("chatcore-found")
}
