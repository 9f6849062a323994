"""The tables and their laws. The database itself refuses what the laws forbid, whoever writes.

Laws that a column or a CHECK can state stand here; those that need two tables (an answer's generation, a role that
never changes) are triggers, made by the migrations for both databases (see `chatcore/migrations`).
All times are aware and UTC. Keys of the form (user_id, ...) are how ownership is proved: a row can only point to rows
of the same person.
"""

from chatcore.models.base import utc_now as utc_now
from chatcore.models.brought import ImportRef as ImportRef
from chatcore.models.brought import ImportRun as ImportRun
from chatcore.models.brought import UnmigratedRow as UnmigratedRow
from chatcore.models.chats import DEFAULT_TITLE as DEFAULT_TITLE
from chatcore.models.chats import Attachment as Attachment
from chatcore.models.chats import AttachmentContent as AttachmentContent
from chatcore.models.chats import ChatMessage as ChatMessage
from chatcore.models.chats import ChatSession as ChatSession
from chatcore.models.chats import Comparison as Comparison
from chatcore.models.chats import Feedback as Feedback
from chatcore.models.chats import User as User
from chatcore.models.order import ChatTag as ChatTag
from chatcore.models.order import Folder as Folder
from chatcore.models.order import Preset as Preset
from chatcore.models.order import Prompt as Prompt
from chatcore.models.order import QueuedFile as QueuedFile
from chatcore.models.order import QueuedPrompt as QueuedPrompt
from chatcore.models.order import SavedSearch as SavedSearch
from chatcore.models.order import Tag as Tag
from chatcore.models.order import ToolPermission as ToolPermission
from chatcore.models.order import UserSetting as UserSetting
from chatcore.models.shared import ShareLink as ShareLink
from chatcore.models.usage import CallDecision as CallDecision
from chatcore.models.usage import Generation as Generation
from chatcore.models.usage import TitleUsage as TitleUsage
from chatcore.models.usage import UsageDay as UsageDay
from chatcore.models.usage import UsageDirty as UsageDirty
from chatcore.models.usage import UsageSum as UsageSum
from chatcore.models.usage import UsageSumDirty as UsageSumDirty
from chatcore.models.usage import UsageZone as UsageZone
