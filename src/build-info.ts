declare const BUILD_VERSION: string | undefined;
declare const BUILD_REVISION: string | undefined;

/** Set by `build.ts`; run from source there is no build. */
export const VERSION = typeof BUILD_VERSION === "string" ? BUILD_VERSION : "0.0.0-source";
export const REVISION = typeof BUILD_REVISION === "string" ? BUILD_REVISION : "unknown";
