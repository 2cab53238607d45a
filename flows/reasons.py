"""Why a fault matters, in the words of who answers for the calls; `voipbin-sip check` shows it below the fault."""

from __future__ import annotations

from typing import Final

NO_STEP: Final = "a call that is sent there would find nothing, and be hung up"
UNREACHED: Final = "no caller ever comes here: what leads here is missing, or the step above goes elsewhere"
ENDLESS: Final = "a call that nobody hangs up would stay for ever and keep its line busy"
SPINNING: Final = "steps that take no time would run 200 times within a moment, and then the call is ended"
NO_SOUND: Final = "the caller would hear silence where this sound belongs"
NO_VARIABLE: Final = "a name that is not set is replaced by nothing, without a word"
NO_FLOW: Final = "a call that is sent there would find nothing, and be hung up"
AFTERWARDS: Final = "there is no call any more when it runs, so nobody would hear or feel that step"
ROUND: Final = "each round waits for the one inside of it, and they can only be so many"
UNKNOWN_KEY: Final = (
    "a key that nothing reads would be passed over in silence, and what it says would not happen"
)
MISSING_KEY: Final = "without it the server does not know what to do here"
UNKNOWN_TYPE: Final = "the server cannot do a step that it does not know"
NOT_YET: Final = (
    "the server cannot do this step; without it, the call would go another way than the flow says"
)
MISPLACED: Final = "beside 'type' stands what all actions have; what only this one has stands under 'option'"
SAME_ID: Final = "steps are found by their id: who is sent there could mean either of them"
SAME_KEY: Final = "most programs would take the last one and forget the first, without a word"
SAME_NAME: Final = "flows are found by their name: who is sent there could mean either of them"
WRONG_VALUE: Final = "the server would have to guess what is meant"
NO_ACTION: Final = "each step says by its 'type' what it does, and by 'option' how"
UNREADABLE: Final = "nothing of the file can be used before it is whole"

CUT_OFF: Final = "a call that ends without a word looks like a fault to the caller"
UNUSED: Final = "what is written here has no effect, which is hardly meant"
PASSED_OVER: Final = "the flow goes on as if the step were not there"
APART: Final = "written so, half past eight and later does not hold at a quarter past nine"
