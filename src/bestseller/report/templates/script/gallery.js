// Filter and order. Expected sales compare designs of one line only, so that no order across lines
// is made of them.
let shown = cards;
let ordered = null;  // the order in which the designs stand now; null is none yet

const TELLS = {
  open: (id, now) => !verdict(id, now) && !starred(id, now),
  keep: (id, now) => verdict(id, now) === "keep",
  reject: (id, now) => verdict(id, now) === "reject",
  star: starred,
  note: (id, now) => Boolean(noteOf(id, now)),
};

function arrange(key) {
  ordered = key;
  $("flat").hidden = !key;
  $("groups").hidden = Boolean(key);
  const places = new Map([...document.querySelectorAll(".group")].map((group) => [group.dataset.line, group.querySelector(".gallery")]));
  const value = (card) => (card.dataset[key] === "" ? -Infinity : Number(card.dataset[key]));
  const byPlace = (a, b) => a.dataset.place - b.dataset.place;
  if (key) $("flat").append(...[...cards].sort((a, b) => value(b) - value(a) || byPlace(a, b)));
  else [...cards].sort(byPlace).forEach((card) => places.get(card.dataset.line).append(card));
}

const reachable = (card) => !card.hidden && (!card.closest("details") || card.closest("details").open);

function drawGallery(now) {
  const key = ["newness", "price"].includes(now.get("sort")) ? now.get("sort") : "";
  if (ordered !== key) arrange(key);
  for (const name of [...FILTERS, "sort"]) if ($(name)) $(name).value = now.get(name) || "";
  const tells = TELLS[now.get("said")];
  cards.forEach((card) => {
    const { id, line, band } = card.dataset;
    card.hidden = Boolean((now.get("line") && line !== now.get("line")) || (now.get("band") && band !== now.get("band")) || (tells && !tells(id, now)));
  });
  for (const group of document.querySelectorAll(".group")) group.hidden = ![...group.querySelectorAll(".card")].some((card) => !card.hidden);
  const filtered = FILTERS.some((name) => now.get(name));
  if ($("thin")) {
    $("thin").hidden = ![...$("thin").querySelectorAll(".card")].some((card) => !card.hidden);
    if (filtered) $("thin").open = true;
  }
  const visible = cards.filter((card) => !card.hidden);
  $("count").textContent = `${visible.length} of ${cards.length}`;
  $("empty").hidden = visible.length > 0;
  $("reset").hidden = !filtered && !now.get("sort") && !now.get("compare");
  reach();
}

function reach() {
  shown = [...document.querySelectorAll("#groups .card, #flat .card")].filter(reachable);
}

// Move the focus to the next design in a direction, by where the designs stand.
function move(card, key) {
  const at = shown.indexOf(card);
  const sideways = { ArrowLeft: -1, ArrowRight: 1 }[key];
  let target = sideways && shown[at + sideways];
  if (key === "ArrowUp" || key === "ArrowDown") {
    const down = key === "ArrowDown" ? 1 : -1;
    const from = card.getBoundingClientRect();
    const far = (rect) => (rect.top - from.top) * down;
    const rects = shown.map((other) => [other, other.getBoundingClientRect()]).filter(([, rect]) => far(rect) > from.height / 2);
    const nearest = Math.min(...rects.map(([, rect]) => far(rect)));
    const row = rects.filter(([, rect]) => far(rect) < nearest + from.height / 2);
    target = row.sort((a, b) => Math.abs(a[1].left - from.left) - Math.abs(b[1].left - from.left))[0]?.[0];
  }
  const forth = key === "ArrowRight" || key === "ArrowDown";
  if (target) target.querySelector(".open").focus();
  else if (forth && $("thin") && !$("thin").hidden && !$("thin").open) $("thin").querySelector("summary").focus();
  return key.startsWith("Arrow");
}
