/** What apps of either vendor read to find a proxy: OpenAI's SDKs take a base with /v1, Anthropic's one without. */
export function appEnvironment(origin: string, token: string): Record<string, string> {
  return {
    OPENAI_BASE_URL: `${origin}/v1`,
    OPENAI_API_KEY: token,
    ANTHROPIC_BASE_URL: origin,
    ANTHROPIC_API_KEY: token,
  };
}
