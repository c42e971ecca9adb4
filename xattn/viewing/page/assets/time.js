// A signal, and below it the attention of the rows in focus, on one time axis.

const SIGNAL = 110, CURVE = 96;

const SECOND = {
  name: "time", first: true, wide: true,
  ready: ({ layout }) => layout.image && loaded(layout.image),
  place(_m, { sentence, ...said }) {
    const { image, traces } = sentence.layout, heard = image || traces ? SIGNAL + 8 : 0;
    return { ...framed(said, { notes: sentence.gold ? ["framed: gold; disc: the largest weight is inside; cross: it is not"] : [], height: () => heard + CURVE + 20 }), sentence, heard };
  },
  draw(pen, m, at, said) {
    const { theme, ink, soft, focus, sentence, overlay } = said;
    const { edges, image, traces } = sentence.layout, { top, heard, width } = at, last = edges.length - 1, span = edges[last] - edges[0];
    const x = (seconds) => ((seconds - edges[0]) / span) * (width - 2) + 1, floor = top + heard + CURVE;
    const { values, largest } = given(m, focus);
    headed(pen, m, at, said, largest);
    if (image) pen.image(decoded.get(image), 1, top, width - 2, SIGNAL);
    for (const [i, trace] of (traces || []).entries()) {
      const points = trace.map((value, n) => `${x(edges[0] + (span * (n + 0.5)) / trace.length).toFixed(1)} ${(top + SIGNAL - 4 - value * (SIGNAL - 8)).toFixed(1)}`);
      pen.path(`M${points.join("L")}`, { stroke: ink, width: 1.2, dash: [[], [6, 3], [2, 3], [8, 3, 2, 3]][i] });
    }
    const height = (value) => (largest ? (Math.abs(value) / largest) * (CURVE - 8) : 0);
    for (const p of focus.columns) {
      if (p < last) pen.rect(x(edges[p]), top, Math.max(x(edges[p + 1]) - x(edges[p]), 1.5), heard + CURVE, "rgba(128,128,128,0.45)");
    }
    const steps = values.map((value, p) => `V${(floor - height(value)).toFixed(1)}H${x(edges[p + 1]).toFixed(1)}`).join("");
    pen.path(`M1 ${floor}${steps}V${floor}z`, { fill: style("--accent") });
    if (overlay) {
      for (let p = 0, end; p < last; p = end + 1) {
        for (end = p; end < last && goldFor(sentence, m, focus, end); ) end++;
        if (end > p) pen.path(`M${x(edges[p])} ${top}H${x(edges[end])}V${floor}H${x(edges[p])}z`, { stroke: MARKS[theme].gold, width: 2 });
      }
      verdict(pen, sentence, m, focus, theme, (p) => [(x(edges[p]) + x(edges[p + 1])) / 2, floor - height(values[p])]);
    }
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 300].find((each) => span / each <= width / 70) || span;
    for (let n = Math.ceil(edges[0] / step); n * step <= edges[last]; n++)
      pen.text(`${+(n * step).toFixed(1)} s`, Math.min(Math.max(x(n * step), 12), width - 14), floor + 11, { fill: soft, size: 11, align: "center" });
  },
  cell(_m, { sentence, top, body, width }, x, y) {
    const { edges } = sentence.layout, last = edges.length - 1, seconds = edges[0] + ((x - 1) / (width - 2)) * (edges[last] - edges[0]);
    const p = edges.findIndex((edge, i) => i < last && seconds >= edge && seconds < edges[i + 1]);
    return p < 0 || y < top || y > top + body ? NOWHERE : { row: state.pin.row, column: p };
  },
};
