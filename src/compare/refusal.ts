import type { Answer } from './answer.ts'

/** The words in which models decline, at the beginning of an answer. */
const DECLINES =
  /^(?:(?:i['’]?m (?:really |very |so )?sorry|sorry|i apologi[sz]e|unfortunately)[,.!]? ?(?:but )?)?(?:as an ai(?: language model| assistant)?,? )?(?:i (?:can(?:no|['’])t|am (?:unable|not able) to|won['’]t|will not)|i['’]m (?:unable|not able) to) (?:help|assist|provide|comply|answer|do that|share|support|fulfil|discuss|create|generate|write|engage|continue)/i

/** It says that it will not answer: by the endpoint's own mark, or in the words in which models do. */
export function refuses({ text, refusal, finishReason, tools }: Answer): boolean {
  if (refusal !== null || finishReason === 'refusal' || finishReason === 'content_filter')
    return true
  return tools.length === 0 && DECLINES.test(text.trimStart().slice(0, 200))
}
