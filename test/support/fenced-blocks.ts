/** A fenced block of a page in Markdown whose info string has a title. */
export interface FencedBlock {
  language: string;
  title: string;
  text: string;
}

/** The blocks that begin with a line such as "```php title=phpredis", in their order. */
export function readTitledBlocks(page: string): FencedBlock[] {
  const blocks = page.matchAll(/^```(\w+) title=(\S+)\n([\s\S]*?)^```$/gm);
  return [...blocks].map(([, language, title, text]) => ({ language, title, text }));
}
