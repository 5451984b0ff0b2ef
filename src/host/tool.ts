/** What a tool reads on its stdin. */
export type ToolInput = string | Buffer;

/** How a tool ended that was waited for without the event loop. */
export interface ToolResult {
  status: number | null;
  stdout: string;
  stderr: string;
  /** ENOENT where there is no such program. */
  errno: string | null;
}

/** What Node says of it: without what it printed where it could not be started, whatever the types of Node say. */
export interface EndedTool {
  status: number | null;
  stdout?: string;
  stderr?: string;
  error?: Error;
}
