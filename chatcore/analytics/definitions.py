"""How each number is counted, in one or two sentences for people. docs/analytics.md holds the same sentences (a test
compares them), so the page and the manual cannot drift apart."""

DEFINITIONS = {
    "messages": (
        "Prompts and answers, in every branch of a chat. With models chosen: their answers and the prompts they answered. "
        "Chats in the trash count until they are deleted for good."
    ),
    "chats": "Chats in which at least one counted message was written in the period.",
    "active_days": "Days of your time zone with at least one counted message.",
    "input_tokens": (
        "What models read: the whole prompt with its history, cached parts included, summed over the answers whose usage is known. "
        "Kept when a chat is deleted."
    ),
    "output_tokens": (
        "What models wrote: answers and reasoning, summed over the answers whose usage is known. Kept when a chat is deleted."
    ),
    "median_time_to_first_chunk_s": (
        "From sending a prompt to the first piece of the answer; half of the answers were faster. Includes loading the model. "
        "Only answers where it was measured."
    ),
    "median_output_tokens_per_s": (
        "Tokens written in a second while writing; half of the answers were slower. By the model server's own clock where it tells, "
        "else the tokens after the first over the time after the first piece. Only answers where both are known."
    ),
    "failed_share": (
        "Answers that ended in an error, over all finished answers. Answers you stopped and answers cut off because the program ended "
        "are finished but not failed; they are shown apart. Each attempt counts."
    ),
    "messages_per_day": "Messages by the day of your time zone on which they were written; longer ranges are drawn by week or month.",
    "tokens_per_day": (
        "Tokens read and written, by the day of your time zone on which the answer started. Longer ranges are drawn by week or month, "
        "models beyond the seven largest together. Only answers whose usage is known."
    ),
    "models": (
        "One row per model that was asked in the period. Every attempt is an answer, a retry too. Tokens and medians are over the "
        "answers where they are known; a dash means nobody knows, which is not 0. Kept when a chat is deleted."
    ),
    "busy_hours": "Messages by the weekday and hour of your time zone in which they were written, summed over the period.",
    "time_to_first_chunk_s_p50": (
        "From sending a prompt to the first piece of the answer; half of the answers of that time were faster. Loading the model is in it."
    ),
    "output_tokens_per_s_p50": (
        "Tokens written in a second while writing; half of the answers of that time were slower. Only answers where it is known."
    ),
    "speed": (
        "Half, 9 of 10 and 99 of 100 of the model's answers were at least as fast. A value between two answers lies between theirs in "
        "proportion. Each number is over the answers where it is known. Loading is the part of all known times that loading took."
    ),
    "outcomes": (
        "Every attempt counts once, a retry too. The share is of the model's finished answers; one that is still being written has none."
    ),
    "outcomes_over_time": (
        "Attempts by how they ended, by the day of your time zone on which they started; longer ranges are drawn by week or month. "
        "An answer that is still being written has not ended."
    ),
    "feedback": (
        "Answers of the period that you rated, up or down, whenever you did. Were all answers of this kind rated, the share of those "
        "with a thumb up would lie in the range behind it 19 times in 20 (Wilson's interval). A model without a rating is left out."
    ),
    "win_rates": (
        "Votes on two answers to one prompt whose names were hidden, by when the prompt was sent. Both good and both bad count as half a "
        "win for each side. The true win rate against the same rivals lies in the range behind it 19 times in 20 (Wilson's interval). "
        "Comparisons without a vote, and those with the names in sight, are left out. Kept when a chat is deleted."
    ),
    "win_rates_by_pair": (
        "The same votes by who met whom. Each pair stands once, under the model that did better; wins, losses and the win rate are that "
        "one's."
    ),
    "tool_calls": (
        "Calls that models made of tools, in every branch of a chat, on the day on which their answer was asked for. Chats in the trash "
        "count until they are deleted for good; then their calls are gone too."
    ),
    "tool_failed_share": (
        "Calls that ended in an error, over those that were done or failed. A call of a tool that does not exist, or with arguments that "
        "do not fit, has failed too. Calls that were declined or stopped are not in it."
    ),
    "tool_declined_share": (
        "Calls that were refused, over all that ended: by you, by a tool that is set to never, because nobody answered the question in "
        "time, or because the answer had made as many calls as it may."
    ),
    "median_tool_duration_s": (
        "From the start of a tool to its result; half of the calls were faster. The time in which you were asked is not in it. Only calls "
        "that ran."
    ),
    "tools_over_time": (
        "Calls by how they ended, by the day of your time zone on which their answer was asked for; longer ranges are drawn by week or "
        "month. A call that waits for you or runs has not ended."
    ),
    "tools": (
        "One row per tool that was called. Half, 9 of 10, 19 of 20 and 99 of 100 of its calls that ran took at most so long. Were it "
        "called like this for ever, the share of failed calls would lie in the range behind it 19 times in 20 (Wilson's interval)."
    ),
    "tool_servers": (
        "Where a tool comes from is told by its name: built in, the MCP server before the two underscores, or elsewhere, which is another "
        "program whose chats were imported."
    ),
    "tool_models": "Calls by the model that made them. Rounds are how often one of its answers stopped for tools.",
    "tool_errors": (
        "Why calls failed or were declined. The share is of all calls of the tool. What the tool said stands in the list behind the number."
    ),
    "tool_rounds": (
        "Answers with calls by how often they stopped for tools; calls that were made at once are one round. Answers without a call are "
        "not among them."
    ),
    "context_fill": (
        "How much of the model's window the prompt took, by the server's own count; of an answer with tools the last prompt counts, which "
        "has the others in it. Only answers whose server counted and whose window is known: the one that was asked for, else the one the "
        "server had loaded, else of hosted models all they can."
    ),
    "context": (
        "Half, 9 of 10 and 99 of 100 of the model's answers took at most so much of its window. Left out: the server counted fewer tokens "
        "than it was sent, so it seems to have left out the oldest messages. Cut short: the answer ended because it was as long as it may "
        "be. Refused: the prompt was longer than the window, so there was no answer."
    ),
    "compare_periods": (
        "After minus before. The true difference lies in the range 19 times in 20; without 0 in it, it is called more than noise. Of "
        "twenty comparisons where nothing changed, one looks like more than noise by chance. Numbers a day are means of the whole days "
        "that are over, at least 7 on each side; the others are over answers where they are known, at least 10 on each side. Answers "
        "of the same day resemble each other, so they count for fewer."
    ),
    "calendar": (
        "Messages by the day of your time zone on which they were written. The fuller the colour of a day, the more: each shade stands "
        "for about as many days, and its numbers are those of the period shown."
    ),
    "streaks": (
        "Days of your time zone in a row with at least one counted message, in the period. The current run ends today; while today has no "
        "message yet, it ends yesterday, because a day is not missed before it is over."
    ),
    "activity_over_time": (
        "Messages by the hour, day, week or month of your time zone in which they were written. A chat counts in each of them in which "
        "it has a message."
    ),
    "top_chats": (
        "The 20 chats with most messages in the period. Their tokens are those of the answers asked for in the period, where they are "
        "known. Of chats that were deleted for good only the tokens are left; they stand together in the last line."
    ),
    "chat_lengths": (
        "Messages of each chat that were written in the period, in every branch. The share is of all chats with such a message. A chat is "
        "longer than its bar says where a part of it lies outside the period."
    ),
    "chat_depth": (
        "Of the chats with at least one counted message in the period, half and 9 of 10 have at most so many messages or prompts in it. "
        "Every branch counts."
    ),
    "people": (
        "One row for each person with a message or an answer in the period. Numbers only: what people write is theirs alone, so no list "
        "of messages is behind them."
    ),
    "people_models": "How many answers each person asked of each model, every attempt counted.",
    "active_people": "People who wrote or were answered, by the day of your time zone; each counts once in a day, week or month.",
    "cost_usd": (
        "What hosted models billed for tokens, in US dollars, summed over the answers that have a cost. It is written when an answer ends, "
        "by a price list, at the prices of that time, and never changed when prices change. Answers without a cost are counted apart: "
        "no price is not 0. Kept when a chat is deleted."
    ),
    "answers_without_cost": (
        "Answers of hosted models whose tokens are known and whose price is not: the price list does not have the model, or it is not "
        "sold by the token, as those of Ollama's cloud. They are not in the cost."
    ),
    "cost_over_time": (
        "The known cost by the day of your time zone on which the answer was asked for. Longer ranges are drawn by week or month, "
        "models beyond the seven dearest together."
    ),
    "costs": (
        "One row per model that was asked. Every attempt is an answer, a retry too. The cost is over the answers that have one, and so is "
        "that of 1,000 answers; a dash means there is none, which is not 0. Local models and the built-in guide are billed by nobody."
    ),
    "token_kinds": (
        "Cached tokens are a part of those read, reasoning a part of those written. Each is summed over the answers whose server tells "
        "it, and its share is of the tokens of these answers. Many servers do not tell; a dash is not 0."
    ),
    "equivalents": (
        "What the tokens of local models would cost at the reference model, at its basic prices. Nobody billed it, and it is never added "
        "to a cost."
    ),
    "energy": (
        "An estimate: watts of this machine times the time local models took to answer. The watts are set by hand or sampled from the "
        "graphics cards. Answers written at the same time count each by itself, so then it is too much."
    ),
    "titles": (
        "What models read and wrote to name chats, and what that cost. A title is no answer, so it is in no other number here. Every "
        "question for a title counts, also one that was dropped because an answer came first. Kept when a chat is deleted."
    ),
    "filters": (
        "Tags and folders are those that chats have now. A chat must have all chosen tags, and lie in the folder or in one below it; "
        "answers of chats that were deleted for good have no tag and no folder. Prompts or answers alone: messages are narrowed; tokens, "
        "models, speed and outcomes are not. Imported is what an import brought, live is what was written here."
    ),
    "change": (
        "Compared with the period of equal length just before. A period that is still running is compared with the same part of the "
        'one before: today until noon with yesterday until noon. "New" means there was nothing before.'
    ),
}
