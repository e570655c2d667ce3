/** A line of the last values; the number beside it says the newest. */
export function Spark({ values, label }: { values: readonly number[]; label: string }) {
  const top = Math.max(1, ...values);
  const step = 280 / Math.max(1, values.length - 1);
  const points = values.map((value, n) => `${(n * step).toFixed(1)} ${(38 - (value / top) * 30).toFixed(1)}`);
  const line = `M${points.length === 1 ? `${points[0]}L280 ${points[0]?.split(" ")[1]}` : points.join("L")}`;
  return (
    <svg className="spark" viewBox="0 0 280 40" preserveAspectRatio="none" role="img" aria-label={label}>
      <path d={`${line}L280 40L0 40Z`} fill="var(--color-chart-1)" opacity=".1" />
      <path
        d={line}
        fill="none"
        stroke="var(--color-chart-1)"
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
        strokeLinejoin="round"
      />
    </svg>
  );
}
