"""Stand-in of OpenAI's API: audio transcriptions, chat completions and models, with the refusals of the real one."""
