"""The parts of the session page: the list, the search, and what can be done with the chats in either."""
