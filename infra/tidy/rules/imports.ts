import { resolve, type Target } from "../resolve.ts";
import { type Room, roomOf } from "../rooms.ts";
import { type Import, isTest, isTestSupport, type Source, type Violation } from "../source.ts";

/** Every import must be one that the table of rooms allows. */
export function checkImports(source: Source): Violation[] {
  const found = roomOf(source.path);
  if (found === undefined) {
    const message = "this folder is no room: add a row to infra/tidy/rooms.ts that says what it may import";
    return [{ path: source.path, line: 1, rule: "room", message }];
  }
  const violations: Violation[] = [];
  for (const each of source.imports) {
    const target = resolve(source.path, each.specifier);
    const allowed = isTest(source.path)
      ? testMayImport(source.path, target)
      : sameRoom(source.path, found.name, target) || mayImport(found.room, target, each);
    if (allowed) continue;
    const what = each.typeOnly ? "types of" : "";
    const because = isTest(source.path)
      ? "a test knows its package, shared, infra/testing and infra/local"
      : found.room.because;
    const message = [found.name, "may not import", what, `"${each.specifier}": ${because}`]
      .filter(Boolean)
      .join(" ");
    violations.push({ path: source.path, line: each.line, rule: "import", message });
  }
  return violations;
}

function sameRoom(path: string, name: string, target: Target): boolean {
  return (
    "file" in target &&
    !isTestSupport(target.file) &&
    target.file !== path &&
    roomOf(target.file)?.name === name
  );
}

function mayImport(room: Room, target: Target, each: Import): boolean {
  const fits = (patterns: readonly RegExp[] | undefined, value: string) =>
    patterns?.some((one) => one.test(value));
  if ("file" in target) {
    if (isTestSupport(target.file) && !room.name.startsWith("infra/")) return false;
    return (
      fits(room.files, target.file) === true || (each.typeOnly && fits(room.types, target.file) === true)
    );
  }
  return (
    fits(room.packages, target.package) === true ||
    (each.typeOnly && fits(room.packageTypes, target.package) === true)
  );
}

/** Tests may look into their whole package; those that run inside workerd have no Node. */
function testMayImport(path: string, target: Target): boolean {
  if ("package" in target) return !path.endsWith(".workerd.test.ts") || !target.package.startsWith("node:");
  const top = path.split("/")[0];
  if (top === "infra" && !/^infra\/(house|tidy)\//.test(path)) return !target.file.startsWith("dashboard/");
  return [`${top}/`, "shared/src/", "infra/testing/", "infra/local/"].some((folder) =>
    target.file.startsWith(folder),
  );
}
