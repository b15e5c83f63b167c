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
  frame.setAttribute("role", "group");
  frame.setAttribute("aria-label", picture.firstElementChild.alt);
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
    const middles = middlesOf(viewer.querySelectorAll(".frame"));
    const single = open.length === 1;
    $("viewer-title").textContent = single ? byId.get(open[0]).querySelector("h3").textContent : "Side by side";
    viewer.classList.toggle("single", single);
    $("previous").hidden = $("next").hidden = !single;
    $("columns").replaceChildren(...open.map(copyOf));
    if (!viewer.open) viewer.showModal();
    if (!single) viewer.querySelector(".frame").focus();  // which one the keys speak of
    centreOn(middles);
  }
  [...$("columns").children].forEach((copy) => mark(copy, now));  // what has the focus stays
}

const zoomed = () => Number(viewer.dataset.zoom || 1);

// What stands in the middle of a frame, as shares of its picture; and the frames put back to it.
const middlesOf = (frames) => [...frames].map((frame) => [(frame.scrollLeft + frame.clientWidth / 2) / frame.scrollWidth, (frame.scrollTop + frame.clientHeight / 2) / frame.scrollHeight]);
function centreOn(middles) {
  viewer.querySelectorAll(".frame").forEach((frame, i) => {
    const [x, y] = middles[i] || middles[0] || [0.5, 0.5];
    frame.scrollTo(Math.round(x * frame.scrollWidth - frame.clientWidth / 2), Math.round(y * frame.scrollHeight - frame.clientHeight / 2));
  });
}

function zoom(by) {
  const middles = middlesOf(viewer.querySelectorAll(".frame"));
  viewer.dataset.zoom = Math.min(ZOOMS, Math.max(1, zoomed() + by));
  centreOn(middles);
}

// Arrows move the pictures while they are zoomed; else they go to the next design, or to the next one
// of those side by side.
function arrow(key) {
  const by = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
  const sideways = key === "ArrowLeft" || key === "ArrowRight";
  const frames = [...viewer.querySelectorAll(".frame")];
  const at = frames.indexOf(document.activeElement.closest?.("#columns .card")?.querySelector(".frame"));
  if (zoomed() > 1) {
    const step = (by * frames[0].clientWidth) / 8;
    frames[0].scrollBy(sideways ? step : 0, sideways ? 0 : step);
  } else if (!sideways) return false;
  else if (frames.length === 1) step(by);
  else frames[at < 0 ? 0 : (at + by + frames.length) % frames.length].focus();
  return true;
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
