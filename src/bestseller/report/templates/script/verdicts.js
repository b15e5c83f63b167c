// What is said to a design: keep or reject, picked for the plan, a note.
function mark(card, now) {
  const id = card.dataset.id;
  card.querySelectorAll("[data-verdict]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict(id, now))));
  card.querySelector("[data-star]").setAttribute("aria-pressed", String(starred(id, now)));
  const input = card.querySelector(".said input");
  if (input !== document.activeElement) input.value = noteOf(id, now);
  const noted = card.querySelector(".noted");
  noted.textContent = noteOf(id, now);
  noted.hidden = !noteOf(id, now);
  const tick = card.querySelector(".tick input");
  if (!tick) return;
  const ticked = all(now.get("compare"));
  tick.checked = ticked.includes(id);
  tick.disabled = ticked.length >= MOST && !tick.checked;
}

function judge(id, name) {
  const now = state();
  const next = verdict(id, now) === name ? "" : name;
  const changes = {};
  for (const each of ["keep", "reject"]) changes[each] = toggled(all(now.get(each)), id, each === next);
  if (next === "reject") changes.star = toggled(all(now.get("star")), id, false);  // no rejected design is planned
  write(changes);
}

function star(id) {
  const now = state();
  const on = !starred(id, now);
  const changes = { star: toggled(all(now.get("star")), id, on) };
  if (on) changes.reject = toggled(all(now.get("reject")), id, false);
  write(changes);
}

function tick(id) {
  const ticked = all(state().get("compare"));
  const next = toggled(ticked, id, !ticked.includes(id));
  if (all(next).length <= MOST) write({ compare: next });
}

function pressed(event) {
  const button = event.target.closest("[data-verdict], [data-star]");
  if (!button) return;
  const { id } = button.closest(".card").dataset;
  if (button.dataset.verdict) judge(id, button.dataset.verdict);
  else star(id);
}

// K, R, S, C and N say the same on a card and in the enlarged view.
function said(id, key) {
  if (key === "k") judge(id, "keep");
  else if (key === "r") judge(id, "reject");
  else if (key === "s") star(id);
  else if (key === "c") tick(id);
  else if (key === "n") note(id);
  else return false;
  return true;
}
