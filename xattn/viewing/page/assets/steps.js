// The decoder step by step, on pages whose rows are decoder steps.

/** One decoder step: the pieces before it, its candidates, and its attention. */
function drawStep() {
  const { sentence, a } = scene, T = sentence.target.length, step = Math.min(Math.max(state.step, 0), T - 1);
  $("attended").dir = $("source").dir;
  $("written").dir = $("target").dir;
  $("step").max = T - 1;
  $("step").value = step;
  $("step").setAttribute("aria-valuetext", `step ${step + 1} of ${T}`);
  const system = DATA.names.length > 1 ? `, output of ${DATA.names.at(-1)}` : "";
  $("step-name").textContent = `step ${step + 1} of ${T}${system}`;
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
  const [m] = fit([matrix(sentence, a, state.layer, state.head, "pieces", "produced")], state.scale);
  $("attended-name").textContent = `Attention while this piece was written: layer ${state.layer}, ${headName()}`;
  $("attended").replaceChildren(...sentence.source.flatMap((text, s) => {
    const color = shade(theme(), share(m, m.values[step * m.C + s], step)), token = piece(text, { title: amount(m.values[step * m.C + s]) });
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
