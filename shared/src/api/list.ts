/** Query parameters that every list takes: `page[size]`, `page[after]`; further ones are added by the noun. */
import * as z from "zod";

export const PAGE_SIZE_DEFAULT = 50;
export const PAGE_SIZE_MAX = 200;

export const pageParameters = {
  "page[size]": z
    .string()
    .regex(/^\d{1,4}$/, "must be a whole number")
    .transform(Number)
    .refine((size) => size >= 1 && size <= PAGE_SIZE_MAX, "must be between 1 and 200")
    .optional(),
  "page[after]": z.string().min(1).max(2048).optional(),
};

export const ListParameters = z.strictObject(pageParameters);

/** One page that is asked for. */
export interface ListQuery {
  readonly size: number;
  readonly after: string | undefined;
}

/** The page that parsed parameters ask for. */
export function listQuery(parameters: {
  "page[size]"?: number | undefined;
  "page[after]"?: string | undefined;
}) {
  return { size: parameters["page[size]"] ?? PAGE_SIZE_DEFAULT, after: parameters["page[after]"] };
}
