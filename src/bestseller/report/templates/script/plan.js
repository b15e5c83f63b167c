// The plan: places by line and price, shared out by what sold there, and what is picked for them.
const plan = $("plan");

// Share places out in proportion to weights: whole ones, then one each to the largest remainders.
function shareOut(weights, places) {
  const sum = weights.reduce((a, b) => a + b, 0);
  const quotas = weights.map((weight) => (sum ? (places * weight) / sum : 0));
  const given = quotas.map(Math.floor);
  const rest = sum ? places - given.reduce((a, b) => a + b, 0) : 0;
  const order = quotas.map((quota, i) => i).sort((a, b) => (quotas[b] - given[b]) - (quotas[a] - given[a]) || a - b);
  order.slice(0, rest).forEach((i) => { given[i] += 1; });
  return given;
}

const budget = (now = state()) => {
  const most = Number($("budget").max);
  return Math.min(most, Math.max(1, Math.floor(Number(now.get("budget") || $("budget").dataset.default)) || 1));
};

function placesOf(now) {
  const cells = [...plan.querySelectorAll("td.place")];
  const inside = (cell) => cards.filter((card) => card.dataset.line === cell.parentNode.dataset.line && card.dataset.band === cell.dataset.band);
  const own = cells.map(inside);
  const weight = (cell, i) => (own[i].length ? Math.max(Number(cell.dataset.units), 1) ** Number(plan.dataset.power) : 0);
  const places = shareOut(cells.map(weight), budget(now));
  return cells.map((cell, i) => ({ cell, cards: own[i], places: places[i], picked: own[i].filter((card) => starred(card.dataset.id, now)) }));
}

function drawPlan(now) {
  if ($("budget") !== document.activeElement) $("budget").value = budget(now);
  const picked = all(now.get("star"));
  for (const { cell, places, picked: inside } of placesOf(now)) {
    cell.textContent = places ? `${inside.length} of ${places}` : inside.length ? `${inside.length} extra` : "";
    cell.className = `place${inside.length > places ? " over" : inside.length && inside.length === places ? " full" : ""}`;
  }
  for (const row of plan.querySelectorAll("tbody tr")) {
    const count = picked.filter((id) => byId.get(id).dataset.line === row.dataset.line).length;
    row.querySelector(".picked").textContent = count || "";
    row.querySelector(".share").textContent = count ? `${Math.round((100 * count) / picked.length)} %` : "";
  }
  for (const cell of plan.querySelectorAll("td.at-price")) {
    const count = picked.filter((id) => byId.get(id).dataset.band === cell.dataset.band).length;
    cell.textContent = count ? `${Math.round((100 * count) / picked.length)} %` : "";
  }
  $("picked-all").textContent = picked.length || "";
  const left = budget(now) - picked.length;
  const lines = new Set(picked.map((id) => byId.get(id).dataset.line)).size;
  $("rollup").textContent = `${picked.length} picked in ${lines} ${lines === 1 ? "line" : "lines"}; ${left < 0 ? `${-left} too many` : `room for ${left} more`}.`;
}

// The surest designs that nobody rejected, place by place; what is picked stays.
function fill() {
  const now = state();
  const picked = all(now.get("star"));
  for (const { cards: inside, places, picked: own } of placesOf(now)) {
    const free = inside.filter((card) => !own.includes(card) && verdict(card.dataset.id, now) !== "reject");
    free.sort((a, b) => b.dataset.low - a.dataset.low);
    picked.push(...free.slice(0, Math.max(0, places - own.length)).map((card) => card.dataset.id));
  }
  write({ star: picked.slice(0, Math.max(budget(now), all(now.get("star")).length)).join(",") });
}
