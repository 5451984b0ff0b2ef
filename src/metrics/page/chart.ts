import UPlot from 'uplot';
import { make, setText } from './elements.js';
import { KEPT_SECONDS, type Mark, type Past } from './past.js';
import { ceilingOf, linesOf, summaryOf, valueText, windowOf, type Line, type Plot } from './plots.js';

const HEIGHT = 168;
const FONT = '11px system-ui, sans-serif';
const SYNC = 'compart';
const LABEL_WIDTH = 30;
/** Room for the labels of marks, and for the axis of shares: plots with and without it line up. */
const MARGIN_TOP = 14;
const MARGIN_RIGHT = 40;
const ON_THE_RIGHT = { side: 1 as unknown as UPlot.Axis.Side };
/** A limit holds until it is changed. */
const STEPS = UPlot.paths.stepped?.({ align: 1 });
const MARK_LABEL = { oom: 'OOM', limit: 'limit' } as const;

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clock = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleTimeString(undefined, { hour12: false });

/** One plot on a canvas, with its legend and the same in words. */
export class Chart {
  readonly element: HTMLElement;
  readonly #plot: Plot;
  readonly #legend = make('ul', { class: 'legend', 'aria-hidden': 'true' });
  readonly #stage: HTMLElement;
  readonly #summary: HTMLElement;
  readonly #absent = make('p', { class: 'absent', 'aria-hidden': 'true' });
  #uplot: UPlot | null = null;
  #drawn = '';
  #past: Past | null = null;
  #values: HTMLElement[] = [];

  constructor(plot: Plot) {
    const id = `summary-${plot.key}`;
    this.#plot = plot;
    this.#stage = make('div', {
      class: 'stage',
      role: 'img',
      'aria-label': plot.title,
      'aria-describedby': id,
    });
    this.#summary = make('p', { class: 'unseen', id });
    const title = make('h3', { text: plot.title });
    this.element = make(
      'figure',
      { 'data-plot': plot.key },
      make('figcaption', {}, title, this.#legend),
      this.#stage,
      this.#absent,
      this.#summary,
    );
  }

  show(past: Past): void {
    this.#past = past;
    const lines = linesOf(this.#plot, past);
    const drawn = lines.map(({ column }) => column).join(' ');
    if (drawn !== this.#drawn) this.#rebuild(lines, drawn);
    setText(this.#summary, summaryOf(this.#plot, past));
    setText(this.#absent, lines.length === 0 ? this.#plot.absent : '');
    this.#stage.hidden = lines.length === 0;
    if (this.#uplot === null) return;
    if (this.#stage.clientWidth > 0 && this.#stage.clientWidth !== this.#uplot.width)
      this.#uplot.setSize({ width: this.#stage.clientWidth, height: HEIGHT });
    this.#uplot.setData([
      past.times,
      ...lines.map(({ column }) => [...past.column(column)]),
    ] as UPlot.AlignedData);
    this.#writeValues(this.#uplot.cursor.idx ?? null);
  }

  /** Draws it anew: the colours, or what is plotted, have changed. */
  redo(): void {
    this.#drawn = '';
    if (this.#past !== null) this.show(this.#past);
  }

  destroy(): void {
    this.#uplot?.destroy();
    this.#uplot = null;
  }

  #rebuild(lines: readonly Line[], drawn: string): void {
    this.destroy();
    this.#drawn = drawn;
    this.#values = lines.map(() => make('span', { class: 'now' }));
    this.#legend.replaceChildren(...lines.map((line, index) => legendEntry(line, this.#values[index])));
    if (lines.length > 0) this.#uplot = new UPlot(this.#options(lines), [[]], this.#stage);
  }

  #options(lines: readonly Line[]): UPlot.Options {
    const shares = lines.some(({ share }) => share);
    const plot = this.#plot;
    const ceiling = (): number => (this.#past === null ? 1 : ceilingOf(plot, this.#past));
    return {
      width: Math.max(this.#stage.clientWidth, 200),
      height: HEIGHT,
      padding: [MARGIN_TOP, shares ? 0 : MARGIN_RIGHT, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, sync: { key: SYNC }, points: { size: 5 } },
      scales: {
        x: { range: () => (this.#past === null ? [0, 1] : windowOf(this.#past, KEPT_SECONDS)) },
        y: { range: () => [0, ceiling()] },
        share: { range: () => [0, 1] },
      },
      axes: [
        axis({ space: 70, size: 26, values: (_, ticks) => ticks.map(clock) }),
        axis({
          scale: 'y',
          size: 62,
          space: 34,
          ...stepsOf(plot),
          values: (_, ticks) => ticks.map(plot.axis),
        }),
        ...(shares
          ? [
              axis({
                scale: 'share',
                ...ON_THE_RIGHT,
                size: MARGIN_RIGHT,
                grid: { show: false },
                values: (_, t) => t.map((v) => `${Math.round(v * 100)}%`),
              }),
            ]
          : []),
      ],
      series: [{}, ...lines.map(seriesOf)],
      hooks: {
        draw: [(uplot) => drawMarks(uplot, this.#past?.marks ?? [])],
        setCursor: [(uplot) => this.#writeValues(uplot.cursor.idx ?? null)],
      },
    };
  }

  /** What the cursor points at, else the newest. */
  #writeValues(index: number | null): void {
    const past = this.#past;
    if (past === null) return;
    linesOf(this.#plot, past).forEach((line, at) => {
      const column = past.column(line.column);
      const value = this.#values[at];
      if (value) setText(value, valueText(this.#plot, line, column[index ?? column.length - 1] ?? null));
    });
  }
}

/** Bytes are counted in powers of two, so are the steps of their axis. */
const stepsOf = ({ binary }: Plot): Pick<UPlot.Axis, 'incrs'> =>
  binary ? { incrs: Array.from({ length: 50 }, (_, power) => 2 ** power) } : {};

function axis(own: UPlot.Axis): UPlot.Axis {
  const line = colour('--grid');
  return {
    stroke: colour('--muted'),
    font: FONT,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    gap: 6,
    ...own,
  };
}

function seriesOf({ colour: number, limit = false, share = false }: Line): UPlot.Series {
  const stroke = colour(`--line-${number}`);
  return {
    scale: share ? 'share' : 'y',
    stroke,
    width: limit ? 1.25 : 1.75,
    points: { show: false },
    ...(limit && STEPS !== undefined ? { dash: [5, 4], paths: STEPS } : {}),
    ...(number === 1 && !limit ? { fill: `${stroke}1f` } : {}),
  };
}

function legendEntry({ label, colour: number, limit }: Line, value: HTMLElement | undefined): HTMLElement {
  const swatch = make('i', { class: limit ? 'dashed' : 'solid', 'data-line': String(number) });
  return make('li', {}, swatch, make('span', { text: label }), ...(value ? [value] : []));
}

/** A vertical line where something happened, with what it was. */
function drawMarks(uplot: UPlot, marks: readonly Mark[]): void {
  const { ctx, bbox } = uplot;
  const [from = 0, to = 0] = [uplot.scales['x']?.min, uplot.scales['x']?.max];
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `600 ${10 * ratio}px system-ui, sans-serif`;
  ctx.lineWidth = 1.5 * ratio;
  let labelled = Number.NEGATIVE_INFINITY;
  for (const { at, kind } of marks.filter((mark) => mark.at >= from && mark.at <= to)) {
    const x = Math.round(uplot.valToPos(at, 'x', true));
    ctx.strokeStyle = ctx.fillStyle = colour(kind === 'oom' ? '--oom' : '--change');
    ctx.setLineDash(kind === 'oom' ? [] : [2 * ratio, 2 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    // One label for those that stand together.
    if (x - labelled < LABEL_WIDTH * ratio) continue;
    labelled = x;
    // At the right edge it would run into the axis of shares.
    const fits = x + LABEL_WIDTH * ratio <= bbox.left + bbox.width;
    ctx.textAlign = fits ? 'left' : 'right';
    ctx.fillText(MARK_LABEL[kind], fits ? x - ratio : x + ratio, bbox.top - 3 * ratio);
  }
  ctx.restore();
}
