// The page's state is its address behind #, so that a view can be bookmarked and sent: line, band,
// said, sort, cut (of the promise), compare (ids), view (ids in the dialog), and what was said: keep,
// reject, star (ids), note-<id>, blind-<id>, budget. The browser keeps what was said, too, by the list of designs.
const MOST = 4;
const FILTERS = ["line", "band", "said"];
const VIEWS = [...FILTERS, "sort", "cut", "compare", "view"];
const LISTS = ["keep", "reject", "star"];
const $ = (id) => document.getElementById(id);
const cards = [...document.querySelectorAll("article.card")];
const byId = new Map(cards.map((card) => [card.dataset.id, card]));
const all = (text) => (text || "").split(",").filter((id) => byId.has(id));
const SHELF = `bestseller ${document.body.dataset.run}`;
const past = [];  // what was said before each change, the newest last
document.documentElement.classList.add("js");

const state = () => new URLSearchParams(location.hash.slice(1));

// What was said, in a fixed order, without how it is looked at.
const told = (now = state()) => {
  const kept = [...now].filter(([key, value]) => !VIEWS.includes(key) && value);
  return new URLSearchParams(kept.sort(([a], [b]) => (a < b ? -1 : 1))).toString();
};

const shelf = {
  read(name) { try { return localStorage.getItem(SHELF + name) || ""; } catch { return ""; } },
  write(name, text) { try { localStorage.setItem(SHELF + name, text); } catch { /* private mode: the address still holds it */ } },
};

function show(next) {
  const text = next.toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  shelf.write("", told(next));
  draw();
}

function write(changes) {
  const next = state();
  const before = told(next);
  for (const [key, value] of Object.entries(changes)) value ? next.set(key, value) : next.delete(key);
  if (next.toString() === state().toString()) return;
  if (told(next) !== before) past.push(before);
  show(next);
}

// Put what was said in the place of what is said, and leave how it is looked at.
function tell(text) {
  const next = new URLSearchParams([...state()].filter(([key]) => VIEWS.includes(key)));
  for (const [key, value] of new URLSearchParams(text)) next.set(key, value);
  show(next);
}

function undo() {
  if (past.length) tell(past.pop());
}

const verdict = (id, now = state()) => ["keep", "reject"].find((name) => all(now.get(name)).includes(id)) || "";
const starred = (id, now = state()) => all(now.get("star")).includes(id);
const noteOf = (id, now = state()) => now.get(`note-${id}`) || "";

function toggled(list, id, on) {
  const others = list.filter((other) => other !== id);
  return (on ? [...others, id] : others).join(",");
}
