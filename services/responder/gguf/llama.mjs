import { getLlama, LlamaChat, LlamaLogLevel } from 'node-llama-cpp';

// What the responder uses of node-llama-cpp. It builds nothing, downloads nothing, and says nothing.

/**
 * Loads a model.
 * @param {string} modelPath
 * @param {{ readonly sequences: number, readonly contextMax: number }} options how many questions at once, and how long each
 *   may be with its answer.
 */
export async function openLlama(modelPath, { sequences, contextMax }) {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    usePrebuiltBinaries: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.disabled,
  });
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const context = await model.createContext({ sequences, contextSize: { max: contextMax } });
  return {
    /**
     * Writes an answer, piece by piece.
     * @param {import('node-llama-cpp').ChatHistoryItem[]} history
     * @param {{ readonly maxTokens: number | undefined, readonly signal: AbortSignal, readonly onText: (text: string) => void,
     *   readonly sampling: object, readonly stop: readonly string[] }} options
     * @returns {Promise<{ readonly asked: number, readonly answered: number, readonly stopped: string } | undefined>}
     *   undefined where the question is too long
     */
    async answer(history, { maxTokens, signal, onText, sampling, stop }) {
      const sequence = context.getSequence();
      const chat = new LlamaChat({ contextSequence: sequence });
      try {
        const { contextText } = chat.chatWrapper.generateContextState({ chatHistory: history });
        const asked = contextText.tokenize(model.tokenizer).length;
        const room = sequence.contextSize - asked - 1;
        if (room < 1) return undefined;
        const before = sequence.tokenMeter.getState();
        const { metadata } = await chat.generateResponse(history, {
          ...sampling,
          maxTokens: Math.min(maxTokens ?? room, room),
          customStopTriggers: [...stop],
          signal,
          onTextChunk: onText,
        });
        const answered = sequence.tokenMeter.diff(before).usedOutputTokens;
        return { asked, answered, stopped: metadata.stopReason };
      } finally {
        chat.dispose();
        await sequence.dispose();
      }
    },
    async close() {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}
