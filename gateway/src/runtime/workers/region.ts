/** Which object answers a caller: the one of the regions in use that is nearest to where the caller came in. */

/** The platform's location hints. */
export const REGIONS = ["weur", "eeur", "enam", "wnam", "sam", "apac", "oc", "afr", "me"] as const;
export type Region = (typeof REGIONS)[number];

/** By continent (ISO 3166 groups, as `request.cf.continent` says), nearest first. */
const NEAREST: Readonly<Record<string, readonly Region[]>> = {
  EU: ["weur", "eeur", "me", "enam"],
  NA: ["enam", "wnam", "sam", "weur"],
  SA: ["sam", "enam", "wnam", "weur"],
  AS: ["apac", "me", "oc", "eeur"],
  OC: ["oc", "apac", "wnam"],
  AF: ["afr", "me", "weur", "eeur"],
};

/** Of the regions in use; the first of them where nothing is known. */
export function regionFor(inUse: readonly [Region, ...Region[]], continent: string | undefined): Region {
  const near = NEAREST[continent ?? ""] ?? [];
  return near.find((each) => inUse.includes(each)) ?? inUse[0];
}
