// The cut that what is promised speaks of; the designs above it are marked once it was moved.
const cut = $("cut");
const promises = cut ? JSON.parse(cut.dataset.rows) : [];

const cutAt = (now) => {
  const asked = Number(now.get("cut") || cut.dataset.default);
  return Math.min(promises.length - 1, Math.max(0, Math.floor(asked) || 0));
};

function drawPromise(now) {
  if (!cut) return;
  const row = promises[cutAt(now)];
  cut.value = cutAt(now);
  $("cut-said").textContent = row.said;
  $("cut-said").className = row.earned ? "earned" : "";
  $("cut-off").hidden = !now.get("cut");
  cards.forEach((card) => card.classList.toggle("above", Boolean(now.get("cut")) && Number(card.dataset.picture) >= row.cut && Number(card.dataset.picture) <= Number(cut.dataset.most)));
}
