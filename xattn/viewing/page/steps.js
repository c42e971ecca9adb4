"use strict";
// The decoder step by step; on pages whose rows are decoder steps.

/** One decoder step: what was written before it, what it might have written, and where it looked. */
function drawStep() {
  const { sentence, a } = scene, T = sentence.target.length, step = Math.min(Math.max(state.step, 0), T - 1);
  $("looked").dir = $("source").dir;
  $("written").dir = $("target").dir;
  $("step").max = T - 1;
  $("step").value = step;
  $("step").setAttribute("aria-valuetext", `step ${step + 1} of ${T}`);
  $("step-name").textContent = `step ${step + 1} of ${T}` + (DATA.names.length > 1 ? `, as ${DATA.names.at(-1)} writes` : "");
  const piece = (text, extra = {}) => make("bdi", { className: "piece", ...extra }, text);
  $("written").replaceChildren(...sentence.target.slice(0, step).flatMap((text) => [piece(text), " "]), make("b", {}, piece(sentence.target[step] || "")));
  const candidates = sentence.candidates ? sentence.candidates[step] : [];
  $("candidates").replaceChildren(...candidates.map(([text, probability]) => {
    const bar = make("i");
    bar.style.width = `${100 * probability}%`;
    const item = make("li", {}, make("bdi", {}, text), make("span", {}, bar), make("span", {}, probability < 0.0005 ? "< 0.1 %" : `${percent(probability)} %`));
    if (text === sentence.target[step]) item.className = "chosen";
    return item;
  }));
  const m = matrix(sentence, a, state.layer, state.head, "pieces", "produced");
  $("looked-name").textContent = `While it wrote this piece, layer ${state.layer}, ${headName()} looked at`;
  $("looked").replaceChildren(...sentence.source.flatMap((text, s) => {
    const color = shade(theme(), m.values[step * m.C + s], scene.most), token = piece(text, { title: amount(m.values[step * m.C + s]) });
    Object.assign(token.style, { background: color.css, color: color.ink });
    return [token, " "];
  }));
}
DRAWN.push(drawStep);

STARTED.push(() => {
  const walk = (step) => {
    const { sentence } = scene, piece = step - SHIFT[state.rows], row = state.unit === "words" ? sentence.targetIds[piece] : piece;
    return set({ step, pin: row >= 0 ? { row, column: null } : NOWHERE });
  };
  on("step", "input", (event) => walk(+event.target.value));
  player($("play-steps"), (first) => {
    const next = first ? 0 : state.step + 1;
    return next < scene.sentence.target.length && walk(next);
  });
});
