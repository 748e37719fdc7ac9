import { limits } from "./limits.ts";
import { Invalid, type Parsed } from "./parsed.ts";

const defaultPageSize = 100;

/** How many users a page may have. @param pageSize zero for the default */
export function parsePageSize(pageSize: number): Parsed<number> {
  if (pageSize < 0) return new Invalid({ field: "page_size", reason: "INVALID_PAGE_SIZE", description: "is negative" });
  return Math.min(pageSize === 0 ? defaultPageSize : pageSize, limits.maxPageSize);
}
