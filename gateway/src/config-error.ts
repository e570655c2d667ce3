/** A setting that is missing or malformed; its message is the one line that names it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
