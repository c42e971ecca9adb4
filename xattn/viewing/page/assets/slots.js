// A column of slots, such as the sentences of a story, with a bar for the attention of every layer (hop).

const THICK = 7;

const SECOND = {
  name: "slots", first: true,
  place(m, { sentence, ...said }) {
    const bars = scene.b ? 1 : sentence.layers, tall = 22 + (THICK + 1) * bars;
    const layers = bars === 1 ? [m] : Array.from({ length: bars }, (_, layer) => matrix(sentence, scene.a, layer, state.head, state.unit, state.rows));
    if (bars > 1) fit(layers, state.scale);
    const notes = [layers[0].scale.text, bars > 1 ? "bars: every layer; the selected layer in full colour" : `bars: layer ${state.layer}`, ...(sentence.gold ? ["◆: gold; disc: the largest weight is on gold; cross: it is not"] : [])];
    return { ...framed(said, { notes, height: () => tall * m.C }), sentence, bars, tall, layers };
  },
  draw(pen, m, at, said) {
    const { theme, ink, soft, focus, sentence, overlay } = said;
    const { top, tall, bars, width, layers } = at, rows = focusRows(m, focus), blue = style("--accent");
    headed(pen, m, at, said);
    const shown = bars === 1 ? 0 : state.layer, from = bars > 1 ? 24 : 2, full = width - from - 52;
    for (let c = 0; c < m.C; c++) {
      const y = top + tall * c, gold = overlay && goldFor(sentence, m, focus, c), on = focus.columns.includes(c);
      if (gold || on) pen.rect(0, y + 1, width, tall - 2, gold ? (theme === "dark" ? "#3d2a14" : "#fbe3d2") : style("--line"));
      pen.text(fitted((gold ? "◆ " : "") + m.columns[c], 13, width - 8), 4, y + 11, { fill: ink, size: 13, weight: on ? "700" : "normal" });
      layers.forEach((each, layer) => {
        const value = together(each, rows, [c]), bar = y + 21 + (THICK + 1) * layer, own = layer === shown, length = Math.abs(share(each, value, rows[0])) * full;
        pen.rect(from, bar, full, THICK, style("--line"));
        pen.rect(from, bar, Math.max(length, 0.5), THICK, m.signed ? shade(theme, share(m, value, 0), true).css : own ? blue : soft);
        if (bars > 1) pen.text(String(layer), from - 8, bar + THICK / 2, { fill: soft, size: 9, align: "center", weight: own ? "700" : "normal" });
        if (own) pen.text(amount(value), width - 2, bar + THICK / 2, { fill: ink, size: 10.5, align: "right" });
      });
    }
    const ends = (c) => [from + share(layers[shown], together(m, rows, [c]), rows[0]) * full, top + tall * c + 21 + (THICK + 1) * shown + THICK / 2];
    if (overlay) verdict(pen, sentence, m, focus, theme, ends);
  },
  cell(m, { top, tall, width }, x, y) {
    const column = Math.floor((y - top) / tall);
    return column >= 0 && column < m.C && x >= 0 && x <= width ? { row: state.pin.row, column } : NOWHERE;
  },
};
