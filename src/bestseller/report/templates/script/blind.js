// Blind review: a design beside the best seller that looks most like it, both at the same size and
// unlabelled. First which one is preferred, then which one was drawn by a machine. blind-<id> holds
// the answers: y or n for the design preferred, then y or n for the design taken for real.
const blind = $("blind");
let round = [];  // ids that this review asks for, in the order of the questions
let half = "";  // the answer to the first question of the pair that is shown

// An order and sides that look random and are the same every time, from the designs' own names.
const onLeft = (id) => Number.parseInt(id.slice(-1), 16) % 2 === 0;
const answered = (now) => round.filter((id) => (now.get(`blind-${id}`) || "").length === 2).length;
const asked = (now) => round.find((id) => (now.get(`blind-${id}`) || "").length !== 2);

// Wilson's interval of a share, in per cent.
function wilson(yes, n) {
  const z = Number(document.body.dataset.z);
  const middle = (yes + (z * z) / 2) / (n + z * z);
  const half = (z / (n + z * z)) * Math.sqrt((yes * (n - yes)) / n + (z * z) / 4);
  return [middle - half, middle + half].map((end) => Math.round(100 * Math.min(1, Math.max(0, end))));
}

function sideOf(card, real) {
  if (!real) return card.querySelector(".open img").cloneNode();
  const photo = card.querySelector(".strip .thumb").cloneNode();
  photo.removeAttribute("aria-label");
  return photo;
}

function beginBlind() {
  const mixed = cards.filter((card) => card.querySelector(".strip .thumb")).map((card) => card.dataset.id);
  mixed.sort((a, b) => (a.slice(3) < b.slice(3) ? -1 : 1));
  const open = mixed.filter((id) => (state().get(`blind-${id}`) || "").length !== 2);
  round = open.length ? open : mixed;
  half = "";
  blind.showModal();
  drawBlind(state());
}

function drawBlind(now) {
  if (!blind.open) return;
  const id = asked(now);
  $("blind-at").textContent = `${answered(now)} of ${round.length}`;
  $("blind-pair").hidden = $("blind-keys").hidden = !id;
  if (!id) { $("blind-question").textContent = outcome(now); return; }
  $("blind-question").textContent = half ? "Which one was drawn by a machine?" : "Which one would you rather put on sale?";
  const card = byId.get(id);
  for (const [side, real] of [["left", !onLeft(id)], ["right", onLeft(id)]]) {
    const picture = sideOf(card, real);
    picture.removeAttribute?.("alt");
    $(`blind-${side}`).replaceChildren(picture);
  }
}

function outcome(now) {
  const given = [...byId.keys()].map((id) => now.get(`blind-${id}`) || "").filter((text) => text.length === 2);
  const tell = (at, words) => {
    const yes = given.filter((text) => text[at] === "y").length;
    const [low, high] = wilson(yes, given.length);
    return `${words} ${yes} of ${given.length} times; of many such pairs it would be ${low} to ${high} in 100.`;
  };
  return given.length ? `${tell(0, "Designs were preferred")} ${tell(1, "They were taken for the real product")}` : "Nothing was judged.";
}

function choose(left) {
  const id = asked(state());
  if (!id) return;
  const design = left === onLeft(id);
  if (!half) { half = design ? "y" : "n"; drawBlind(state()); return; }
  const answer = half + (design ? "n" : "y");  // the one called drawn was not taken for real
  half = "";
  write({ [`blind-${id}`]: answer });
}

function backBlind() {
  if (half) { half = ""; drawBlind(state()); } else undo();
}
