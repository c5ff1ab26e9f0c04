// The search of the schema's reference, in the browser: over the names on the page.

const RESULTS_MAX = 40

const search = document.querySelector('#search')
const results = document.querySelector('#results')
const subjects = document.querySelector('#subjects')

/** What is found first: what one calls, then types, then their fields. */
const KINDS = ['query', 'mutation', 'type', 'input', 'enum', 'interface', 'scalar', 'field']

const entries = [...document.querySelectorAll('main article[id], main dt[id]')].map(({ id, dataset }) => ({
  id,
  kind: dataset.kind ?? 'field',
  text: id.toLowerCase(),
  // `Query.orders` is found by `orders`.
  name: id.slice(id.lastIndexOf('.') + 1).toLowerCase(),
}))

/** Whole names first, then beginnings of names, each by its kind. */
function rank({ name, text, kind }, asked) {
  const match = name === asked || text === asked ? 0 : name.startsWith(asked) ? 1 : 2
  return match * KINDS.length + KINDS.indexOf(kind)
}

function find(asked) {
  return entries
    .filter(({ text }) => text.includes(asked))
    .map((entry) => ({ ...entry, rank: rank(entry, asked) }))
    .toSorted((a, b) => a.rank - b.rank || a.text.length - b.text.length)
    .slice(0, RESULTS_MAX)
}

function item({ id, kind }, index) {
  const link = document.createElement('a')
  link.href = `#${id}`
  const name = document.createElement('code')
  name.textContent = id
  const about = document.createElement('small')
  about.textContent = kind
  link.append(name, about)
  const line = document.createElement('li')
  line.setAttribute('aria-selected', String(index === 0))
  line.append(link)
  return line
}

function show() {
  const asked = search.value.trim().toLowerCase().replaceAll(' ', '')
  const found = asked === '' ? [] : find(asked)
  results.replaceChildren(...found.map(item))
  if (asked !== '' && found.length === 0) results.append('Nothing has this name.')
  results.hidden = asked === ''
  subjects.hidden = asked !== ''
}

search.addEventListener('input', show)
search.addEventListener('keydown', ({ key }) => {
  const lines = [...results.querySelectorAll('li')]
  const at = lines.findIndex((line) => line.getAttribute('aria-selected') === 'true')
  if (key === 'Enter') lines[at]?.querySelector('a').click()
  const step = { ArrowDown: 1, ArrowUp: -1 }[key]
  const next = lines[at + (step ?? 0)]
  if (step === undefined || next === undefined) return
  lines[at].setAttribute('aria-selected', 'false')
  next.setAttribute('aria-selected', 'true')
  next.scrollIntoView({ block: 'nearest' })
})
results.addEventListener('click', ({ target }) => {
  // On a phone the results cover the page.
  if (target.closest('a') === null || !isNarrow()) return
  search.value = ''
  show()
})
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target === search) return
  event.preventDefault()
  search.focus()
})

const narrow = matchMedia('(max-width: 50rem)')
const isNarrow = () => narrow.matches

function fold() {
  subjects.open = !isNarrow()
}

subjects.addEventListener('click', ({ target }) => {
  if (target.closest('a') !== null) fold()
})
narrow.addEventListener('change', fold)
fold()
