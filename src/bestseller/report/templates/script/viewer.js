// The enlarged view: one design with its evidence, or up to four side by side, zoomed together.
const viewer = $("viewer");
const ZOOMS = 4;
let viewed = "";  // ids of the copies in the dialog
let opener = null;

function copyOf(id) {
  const copy = byId.get(id).cloneNode(true);
  copy.hidden = false;
  copy.removeAttribute("id");
  copy.removeAttribute("aria-labelledby");
  copy.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
  const picture = copy.querySelector(".open");
  const frame = document.createElement("div");
  frame.className = "frame";
  frame.tabIndex = 0;
  frame.append(picture.firstElementChild);
  picture.replaceWith(frame);
  copy.querySelector(".tick").remove();
  return copy;
}

function drawViewer(now) {
  const open = all(now.get("view")).slice(0, MOST);
  if (!open.length) {
    if (viewer.open) viewer.close();
    viewed = "";
    return;
  }
  if (viewed !== open.join()) {
    viewed = open.join();
    const single = open.length === 1;
    $("viewer-title").textContent = single ? byId.get(open[0]).querySelector("h3").textContent : "Side by side";
    viewer.classList.toggle("single", single);
    $("previous").hidden = $("next").hidden = !single;
    $("columns").replaceChildren(...open.map(copyOf));
    if (!viewer.open) viewer.showModal();
  }
  [...$("columns").children].forEach((copy) => mark(copy, now));  // what has the focus stays
}

function zoom(by) {
  const now = Number(viewer.dataset.zoom || 1);
  viewer.dataset.zoom = Math.min(ZOOMS, Math.max(1, now + by));
}

// Scrolling one picture scrolls the others to the same place.
function together(event) {
  if (!event.target.classList?.contains("frame")) return;
  const { scrollLeft, scrollTop } = event.target;
  viewer.querySelectorAll(".frame").forEach((frame) => {
    if (frame.scrollLeft !== scrollLeft || frame.scrollTop !== scrollTop) frame.scrollTo(scrollLeft, scrollTop);
  });
}

function step(by) {
  const open = all(state().get("view"));
  if (open.length !== 1 || !shown.length) return;
  const at = shown.indexOf(byId.get(open[0]));
  write({ view: shown[(at + by + shown.length) % shown.length].dataset.id });
}

function note(id) {
  if (!viewer.open) write({ view: id });
  const card = [...$("columns").children].find((copy) => copy.dataset.id === id);
  card?.querySelector(".said input").focus();
}

function closed() {
  const last = byId.get(all(state().get("view"))[0]);
  write({ view: "" });
  (opener || last?.querySelector(".open"))?.focus();
  opener = null;
}
