/** A price as it is, to the last digit that it has: `$2.50`, `$10`, `$0.0028`. A price is never rounded for the eye. */
export function priceText(usd: string | null): string | undefined {
  if (usd === null) return undefined;
  const [whole = "0", fraction = ""] = usd.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const cents = fraction.replace(/0+$/, "");
  return cents === "" ? `$${grouped}` : `$${grouped}.${cents.padEnd(2, "0")}`;
}
