"""How a person keeps order: tags and folders for chats; searches, settings and prompts that have a name.

Everything here is the viewer's alone. What changes many chats changes all of them or, with NotFound, none. None of it
moves a chat in the lists: `updated_at` says when the conversation went on.
"""
