// The sound of a time axis, on pages that have one: while it plays, a line moves over all pictures.

/** Draws the line at the moment that is heard, in the picture of the layout and in the heatmaps. */
function drawMoment() {
  const { edges, sound } = scene.sentence.layout, last = edges.length - 1, now = Math.min(edges[0] + $("sound").currentTime, edges[last]);
  const p = Math.min(edges.filter((edge) => edge <= now).length, last) - 1, part = (now - edges[p]) / (edges[p + 1] - edges[p]);
  for (const { at, m, panel } of scene.pictures) {
    if (!panel.moment) panel.querySelector(".pane").append(panel.moment = make("div", { className: "moment" }));
    const x = at.seen ? at.left - panel.scrollLeft + at.w * (at.mirror ? m.C - p - part : p + part) : 1 + ((now - edges[0]) / (edges[last] - edges[0])) * (at.width - 2);
    panel.moment.hidden = !sound || (at.seen && (x < at.left || x > at.seen.w));
    Object.assign(panel.moment.style, { left: `${x - 1}px`, top: `${at.top}px`, height: `${at.seen ? Math.min(at.h * m.R, at.seen.h - at.top) : at.body - 20}px` });
  }
  return p;
}

/** Follows the sound while it plays, and scrolls the heatmaps with it. */
function follow() {
  const column = drawMoment();
  for (const picture of scene.pictures) reveal(picture, { row: null, column });
  if (!$("sound").paused) requestAnimationFrame(follow);
}

DRAWN.push(() => {
  const { sound, edges } = scene.sentence.layout, { column } = state.pin;
  $("hear").hidden = !sound;
  if (sound && $("sound").src !== sound) $("sound").src = sound;
  if (sound && column !== null && column !== drawMoment.pin) $("sound").currentTime = edges[column] - edges[0];
  drawMoment.pin = column;
  drawMoment();
});

STARTED.push(() => {
  on("sound", "play", follow);
  for (const event of ["timeupdate", "seeking"]) on("sound", event, drawMoment);
  addEventListener("scroll", drawMoment, true);
  document.addEventListener("keydown", ({ key, target, ctrlKey, metaKey, altKey }) => {
    if (key.toLowerCase() !== "p" || ctrlKey || metaKey || altKey || target.matches("input, select") || $("hear").hidden) return;
    if ($("sound").paused) $("sound").play();
    else $("sound").pause();
  });
});
