/**
 * About how many bytes one script works on. That takes one or two milliseconds, during which the server does nothing else.
 * `npm run bench -- scripts` measures it.
 */
export const maxScriptWork = 192 * 1024;
