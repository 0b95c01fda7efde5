"""Every reason a condition, an Event, a failure or a post can carry, with what it means and what to do.

One table, read by the code that sets reasons and by the page docs/troubleshooting.md, which is made from
it. A member is the CamelCase word itself (`Reason.OUT_OF_MEMORY == "OutOfMemory"`), so it goes into a
status as it is. Adding a reason is a row here; the word is part of the API and is never renamed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Topic(StrEnum):
    """Where a reason comes up; the sections of the troubleshooting page."""

    PROGRESS = "How far it is"
    CLUSTER = "What the cluster or the installation lacks"
    SOURCE = "The source"
    OPERATION = "Operations"
    QUALITY = "Quality checks"
    PUBLISHING = "Publishing"


class Reason(StrEnum):
    """A word that says why, and what it means to a person."""

    topic: Topic
    sentence: str
    """What is the case; the message of a condition that has nothing more exact to say."""
    cause: str
    """What usually leads there."""
    fix: str
    """What a person does about it."""

    def __new__(cls, word: str, topic: Topic, sentence: str, cause: str, fix: str) -> Self:
        """Make a member from its row."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.topic, member.sentence, member.cause, member.fix = topic, sentence, cause, fix
        return member

    @classmethod
    def of(cls, word: str) -> Reason | None:
        """Give the row of a word that came from outside; None if the table has none."""
        return next((reason for reason in cls if reason.value == word), None)

    # A table: one row per reason, one line per column.
    # fmt: off

    # --- How far it is -----------------------------------------------------------------------------
    WAITING = ("Waiting", Topic.PROGRESS,
        "It waits for something that comes by itself.",
        "An operation above, the source or a service isn't ready yet; the message names it.",
        "Nothing; look at what the message names if it takes too long.")
    BUDGET_EXCEEDED = ("BudgetExceeded", Topic.PROGRESS,
        "An operation isn't started, because it may cost more than the budget leaves.",
        "spec.execution.budget is smaller than what was spent and what the operation may come to, by an estimate "
        "that is rather too high; or the installation's table of prices doesn't have its model.",
        "Raise or remove spec.execution.budget, or take out the operation; what is there stays and isn't run again.")
    QUEUED = ("Queued", Topic.PROGRESS,
        "Its Job waits for its turn or for a node.",
        "More work is wanted than the installation runs at once, or Kueue holds the Job back.",
        "Nothing; raise spec.execution.priority, or the operator's limit, if it is urgent.")
    INGESTING = ("Ingesting", Topic.PROGRESS,
        "The source is being fetched, checked and stored.",
        "The asset is new, or a retry fetches its source again.",
        "Nothing.")
    INGESTED = ("Ingested", Topic.PROGRESS,
        "The source is stored and its content is known.",
        "The ingest Job put the file and its facts into storage.",
        "Nothing.")
    FOUND = ("Found", Topic.PROGRESS,
        "The source was found in the workspace's storage.",
        "An upload or stored object needs no ingest; its key, ETag and size stand for its content.",
        "Nothing.")
    RUNNING = ("Running", Topic.PROGRESS,
        "A pod works on it.",
        "Its Job's pod has started.",
        "Nothing; status.percent of the ProcessingJob tells how far it is.")
    BACKING_OFF = ("BackingOff", Topic.PROGRESS,
        "An attempt didn't succeed; the next one starts after a pause.",
        "See the last entry of status.failures, or the Events, for why.",
        "Nothing; the pause doubles each time, from spec.retry.backoffSeconds on.")
    INTERRUPTED = ("Interrupted", Topic.PROGRESS,
        "The pod was stopped from outside and is replaced; no attempt is counted.",
        "Its node was drained or lost, or somebody deleted or evicted the pod.",
        "Nothing.")
    COMPLETED = ("Completed", Topic.PROGRESS,
        "The operation's results are stored.",
        "It ran to its end.",
        "Nothing.")
    CACHED_RESULT = ("CachedResult", Topic.PROGRESS,
        "The results were in storage already; nothing had to run.",
        "The same operation ran before on the same content with the same versions.",
        "Nothing; set the annotation mediaops.dev/reprocess to a new token to run today's versions.")
    FUSED = ("Fused", Topic.PROGRESS,
        "The operation was done on the way to another output; no file of its own is stored.",
        "Only a further operation of the same pass reads its output, and no target names it.",
        "Nothing; name it in a target's media or as spec.primary to have it stored.")
    IN_ONE_PIECE = ("InOnePiece", Topic.PROGRESS,
        "The video is encoded in one piece, though segments were asked for.",
        "A cut would show, or can't be made at all: the message, and the ProcessingJob's value segments, say why.",
        "Nothing, or change what the message names; leave out spec.execution.segments if it doesn't pay.")
    SKIPPED = ("Skipped", Topic.PROGRESS,
        "The file gives this operation nothing to do.",
        "For example transcribe on a video without sound.",
        "Nothing; set required: true on the operation if that must count as a failure.")
    SUCCEEDED = ("Succeeded", Topic.PROGRESS,
        "Everything the spec asks for is done.",
        "Every operation succeeded, and every target, if any, is posted.",
        "Nothing.")
    SUSPENDED = ("Suspended", Topic.PROGRESS,
        "spec.suspend pauses it: no new Jobs; running ones are left.",
        "Somebody set spec.suspend.",
        "Set spec.suspend to false.")
    CANCELLED = ("Cancelled", Topic.PROGRESS,
        "It was stopped for good; what wasn't posted is withdrawn.",
        "The annotation mediaops.dev/cancel was set.",
        "Make a new MediaAsset if the work is wanted after all; results already stored are found again.")
    RETRY_REQUESTED = ("RetryRequested", Topic.PROGRESS,
        "A new round of attempts was opened for what failed.",
        "The annotation mediaops.dev/retry got a new token.",
        "Nothing.")
    REPROCESS_REQUESTED = ("ReprocessRequested", Topic.PROGRESS,
        "Every operation is planned anew with today's versions.",
        "The annotation mediaops.dev/reprocess got a new token.",
        "Nothing; what comes out the same is found, not run.")
    MIRRORED = ("Mirrored", Topic.PROGRESS,
        "The database has the state that status shows.",
        "The operator wrote the rows after its last change.",
        "Nothing.")
    MIRROR_LAGGING = ("MirrorLagging", Topic.PROGRESS,
        "The database has been behind for more than 30 seconds; processing goes on, publishing waits.",
        "The database is down, out of reach or slow.",
        "Bring the database back; the rows are written by themselves.")

    # --- What the cluster or the installation lacks ------------------------------------------------
    UNSCHEDULABLE = ("Unschedulable", Topic.CLUSTER,
        "No node can take the pod.",
        "No node offers the GPUs, memory or labels that the operation and its profile ask for.",
        "Add such a node, lower gpu, or choose another spec.execution.profile; it then starts by itself.")
    QUOTA_EXCEEDED = ("QuotaExceeded", Topic.CLUSTER,
        "The namespace's quota doesn't allow another pod.",
        "A ResourceQuota of the namespace is used up, or too small for the profile.",
        "Raise the ResourceQuota or wait for other pods; it then starts by itself.")
    POD_CREATION_FORBIDDEN = ("PodCreationForbidden", Topic.CLUSTER,
        "The cluster refuses to make the pod.",
        "An admission policy (Pod Security, Gatekeeper, Kyverno) or a missing ServiceAccount.",
        "Read the message; allow the pod, or change the profile in the chart's values.")
    IMAGE_PULL_FAILED = ("ImagePullFailed", Topic.CLUSTER,
        "The operations image can't be pulled.",
        "Its name in the profile is wrong, the registry is out of reach, or a pull Secret is missing.",
        "Correct the profile's image or its pull Secret in the chart's values.")
    CONTAINER_NOT_STARTED = ("ContainerNotStarted", Topic.CLUSTER,
        "The node can't start the container.",
        "A volume can't be mounted, or the runtime or its class refuses the container.",
        "Read the pod's Events (kubectl describe pod).")
    UNKNOWN_PROFILE = ("UnknownProfile", Topic.CLUSTER,
        "The installation has no execution profile of this name.",
        "spec.execution.profile is mistyped, or the chart's values don't have it.",
        "Name one of the profiles that the message lists, or add it to the chart's values.")
    NO_WORKSPACE = ("NoWorkspace", Topic.CLUSTER,
        "The namespace belongs to no workspace, so its assets aren't served.",
        "Its label mediaops.dev/workspace is missing.",
        "kubectl label namespace NAMESPACE mediaops.dev/workspace=WORKSPACE")
    WORKSPACE_CHANGED = ("WorkspaceChanged", Topic.CLUSTER,
        "The namespace was moved to another workspace; this asset belongs to the former one.",
        "The label mediaops.dev/workspace was changed after the asset was first served.",
        "Set the label back, or delete the asset and apply it again in the new workspace.")
    STORAGE_UNAVAILABLE = ("StorageUnavailable", Topic.CLUSTER,
        "Storage can't be reached; no attempt is counted.",
        "The S3 endpoint is down or refuses the installation's credential.",
        "Bring storage back; work goes on by itself.")
    BACKEND_UNAVAILABLE = ("BackendUnavailable", Topic.CLUSTER,
        "The backend can't be reached; no attempt is counted.",
        "Its pods are down, or a NetworkPolicy keeps operation pods from it.",
        "Bring the backend back; work goes on by itself.")
    DATABASE_UNAVAILABLE = ("DatabaseUnavailable", Topic.CLUSTER,
        "The database can't be reached; processing goes on, publishing waits.",
        "PostgreSQL is down or refuses the operator's role.",
        "Bring the database back; publishing goes on by itself.")
    N8N_UNAVAILABLE = ("N8nUnavailable", Topic.CLUSTER,
        "n8n didn't take the request; it is sent again.",
        "n8n is down, its workflow isn't active, or the signing secrets differ.",
        "Bring n8n back and check N8N_WEBHOOK_URL and N8N_WEBHOOK_SECRET; it goes on by itself.")
    ENGINE_UNAVAILABLE = ("EngineUnavailable", Topic.CLUSTER,
        "The outside engine can't be reached or has no room; no attempt is counted.",
        "The engine is down, limits the rate, or a NetworkPolicy keeps the pod from it.",
        "Wait, or choose another engine in the operation.")
    CAPABILITY_REJECTED = ("CapabilityRejected", Topic.CLUSTER,
        "The backend refused the pod's capability or its token.",
        "Operator and backend don't share the signing keys, or the clocks differ.",
        "Check the capability keys of operator and backend; then set mediaops.dev/retry.")
    NAME_TAKEN = ("NameTaken", Topic.CLUSTER,
        "An object of the name that is needed exists and isn't this asset's.",
        "Somebody made it by hand.",
        "Delete or rename the object that the message names.")
    WORK_ORDER_TOO_LARGE = ("WorkOrderTooLarge", Topic.CLUSTER,
        "The work order of one pass is larger than 256 KiB.",
        "Very many operations with very long parameters.",
        "Split the operations over two MediaAssets.")
    SPEC_NOT_UNDERSTOOD = ("SpecNotUnderstood", Topic.CLUSTER,
        "This version of the operator doesn't understand the spec.",
        "The CRDs are newer than the operator, or were installed without their rules.",
        "Install operator and CRDs of the same version.")
    INTERNAL_ERROR = ("InternalError", Topic.CLUSTER,
        "The operator met an error of its own; it tries again.",
        "A defect in mediaops.",
        "Report it with the operator's log of that time.")

    # --- The source --------------------------------------------------------------------------------
    SECRET_NOT_FOUND = ("SecretNotFound", Topic.SOURCE,
        "A Secret that is needed doesn't exist in the asset's namespace.",
        "secretRef is mistyped, or the Secret (of a source, or mediaops-engine-NAME) was not made yet.",
        "Make the Secret that the message names, with the key mediaops-credential (docs/credentials.md); "
        "it goes on by itself.")
    SECRET_INVALID = ("SecretInvalid", Topic.SOURCE,
        "The Secret can't be used as a credential.",
        "It has no key mediaops-credential, or what stands there isn't the JSON that is wanted.",
        "Give it that key with `hosts` and one of `address`, `apiKey`, `serviceAccount`.")
    CREDENTIAL_NOT_FOR_HOST = ("CredentialNotForHost", Topic.SOURCE,
        "The credential may not be sent to this host.",
        "The `hosts` in the Secret don't name the source's or engine's host.",
        "Add the host to `hosts`, if the credential is meant for it.")
    SOURCE_NOT_FOUND = ("SourceNotFound", Topic.SOURCE,
        "There is no such file at the source.",
        "The id, address or key is wrong, or the file was removed (404, 410).",
        "Make a new MediaAsset with the right source, or put the file there and set mediaops.dev/retry.")
    SOURCE_FORBIDDEN = ("SourceForbidden", Topic.SOURCE,
        "The source refuses access to the file.",
        "The credential is missing, expired or not allowed to read it (401, 403).",
        "Share the file with the credential's account or renew the Secret; then set mediaops.dev/retry.")
    SOURCE_UNREACHABLE = ("SourceUnreachable", Topic.SOURCE,
        "The source's host doesn't answer.",
        "It is down, slow, doesn't exist, or its certificate isn't valid.",
        "Check the host; the fetch is tried again up to spec.retry.limit.")
    SOURCE_TOO_LARGE = ("SourceTooLarge", Topic.SOURCE,
        "The file is larger than the installation takes.",
        "Its size is above the limit for sources.",
        "Use a smaller file, or raise the limit in the chart's values.")
    SOURCE_NOT_ALLOWED = ("SourceNotAllowed", Topic.SOURCE,
        "The installation doesn't fetch from this address.",
        "It, or a redirect from it, leads to a private or reserved network, or isn't https.",
        "Use a public https address, or allow the network in the chart's values.")
    SOURCE_CHANGED = ("SourceChanged", Topic.SOURCE,
        "The stored file was replaced after its content had been fixed.",
        "Somebody put other content under the same key.",
        "Put the former content back, or make a new MediaAsset for the new content.")
    INVALID_MEDIA = ("InvalidMedia", Topic.SOURCE,
        "The file can't be read as media from its beginning to its end.",
        "It is cut off, damaged, empty, or no media file at all.",
        "Upload the whole file again; the message says where reading stopped.")
    WRONG_FILE_TYPE = ("WrongFileType", Topic.SOURCE,
        "The file isn't what spec.fileType says.",
        "For example a sound file given as a video.",
        "Make a new MediaAsset with the fileType that the message names.")

    # --- Operations --------------------------------------------------------------------------------
    NO_AUDIO = ("NoAudio", Topic.OPERATION,
        "The file has no sound to work on.",
        "The video has no audio stream.",
        "Remove the operation, or its required: true to let it be skipped.")
    NO_PICTURE = ("NoPicture", Topic.OPERATION,
        "The file has no picture to work on.",
        "The file has no video stream.",
        "Remove the operation, or its required: true to let it be skipped.")
    NO_SPEECH = ("NoSpeech", Topic.OPERATION,
        "Nothing is said in the file.",
        "Its sound is music or noise, or too quiet for the engine.",
        "Remove the operation, or its required: true to let it be skipped.")
    INVALID_PARAMETERS = ("InvalidParameters", Topic.OPERATION,
        "The parameters don't fit this file.",
        "For example a rectangle that lies outside of the picture.",
        "Change the operation's parameters as the message says.")
    INVALID_FILE = ("InvalidFile", Topic.OPERATION,
        "A file that the operation names can't be used.",
        "A table of colours or a logo isn't in the workspace's storage, has another SHA-256, or isn't one at all.",
        "Put the right file under the key, or give the key and SHA-256 of one that is there.")
    UNSUPPORTED_LANGUAGE = ("UnsupportedLanguage", Topic.OPERATION,
        "The engine doesn't know this language.",
        "pocketsphinx, the default, knows English only.",
        "Set engine: openai, or language: en.")
    ENGINE_REJECTED = ("EngineRejected", Topic.OPERATION,
        "The outside engine refused the request.",
        "The model doesn't exist, the account's quota is used up, or the content isn't accepted.",
        "Correct the operation's model or the account; then set mediaops.dev/retry.")
    ENGINE_NOT_INSTALLED = ("EngineNotInstalled", Topic.OPERATION,
        "The image that runs has no such engine or model.",
        "faster-whisper is in the image's target gpu only, and its models are what was put into the models folder.",
        "Choose a spec.execution.profile whose image has it, or another engine or model.")
    ENCODE_FAILED = ("EncodeFailed", Topic.OPERATION,
        "FFmpeg ended without making the output.",
        "The message has its last words; a codec may not take these parameters, or the file is damaged within.",
        "Nothing yet: it is an attempt like any other. If it stays, read the log at logUri.")
    OUT_OF_MEMORY = ("OutOfMemory", Topic.OPERATION,
        "The container was killed at its memory limit.",
        "The picture is larger, or the codec needs more, than the profile's memory allows.",
        "Choose a spec.execution.profile with more memory, or a smaller height.")
    DISK_FULL = ("DiskFull", Topic.OPERATION,
        "The work folder came to its limit.",
        "The file and its outputs don't fit into the profile's work folder.",
        "Choose a spec.execution.profile with a larger work folder.")
    DEADLINE_EXCEEDED = ("DeadlineExceeded", Topic.OPERATION,
        "The attempt took longer than spec.execution.deadlineSeconds.",
        "The file is long, the node slow, or something hangs.",
        "Raise deadlineSeconds, or choose a faster codec or profile.")
    ATTEMPT_FAILED = ("AttemptFailed", Topic.OPERATION,
        "One attempt failed; another follows if the round has one left.",
        "See the message, and the log at logUri in status.failures.",
        "Nothing yet.")
    ATTEMPTS_EXHAUSTED = ("AttemptsExhausted", Topic.OPERATION,
        "Every attempt of this round failed.",
        "See status.failures of the ProcessingJob for the reason of each.",
        "Repair what they name, then set mediaops.dev/retry to a new token.")
    PASS_FAILED = ("PassFailed", Topic.OPERATION,
        "The pass this operation shares with others failed, without saying in which step.",
        "The process ended without a message; each member counts the attempt.",
        "Nothing yet; the third attempt runs each output by itself.")
    DEPENDENCY_FAILED = ("DependencyFailed", Topic.OPERATION,
        "An operation whose output is needed failed.",
        "See the operation that the message names.",
        "Repair that one; a retry takes this one along.")
    OPERATION_FAILED = ("OperationFailed", Topic.OPERATION,
        "At least one operation failed; the others went on.",
        "See the ProcessingJobs that the message names.",
        "Repair what they name, then set mediaops.dev/retry to a new token.")
    RESULT_INVALID = ("ResultInvalid", Topic.OPERATION,
        "What the pod made or stored didn't pass its own check.",
        "The output can't be read, or storage holds other bytes than were put.",
        "Nothing yet: it is an attempt like any other. If it stays, read the log at logUri.")
    JOB_DELETED = ("JobDeleted", Topic.OPERATION,
        "The Job was deleted before it ended; no attempt is counted.",
        "Somebody deleted it.",
        "Nothing; a new one is made. To stop the work, set spec.suspend or mediaops.dev/cancel.")

    # --- Publishing --------------------------------------------------------------------------------
    QUALITY_CHECKS_PASSED = ("QualityChecksPassed", Topic.QUALITY,
        "Every published file comes up to spec.qualityChecks.",
        "All figures are within their limits; the condition's message has them.",
        "Nothing.")
    MEASURING = ("Measuring", Topic.QUALITY,
        "A Job measures the finished files for the quality checks.",
        "The files were there before the checks were asked for, or the pass that made them could not measure them.",
        "Nothing; publishing follows if the checks hold.")
    QUALITY_CHECK_FAILED = ("QualityCheckFailed", Topic.QUALITY,
        "A file doesn't come up to spec.qualityChecks, so nothing is published.",
        "A figure is beyond its limit; the condition QualityChecked has both. The files are kept.",
        "Change the operation that made the file, or the limit. Another limit is compared with the figures that "
        "are known, and publishing goes on if it holds.")
    QUALITY_NOT_MEASURABLE = ("QualityNotMeasurable", Topic.QUALITY,
        "A quality check asks for a figure that the file doesn't have, so nothing is published.",
        "A video without sound has no loudness, a transcript without speech no cues, some engines give no "
        "confidence; the condition's message names it.",
        "Leave that check out, or give the file what it lacks.")
    QUALITY_NOT_MEASURED = ("QualityNotMeasured", Topic.QUALITY,
        "The finished files could not be measured, so nothing is published.",
        "The Jobs that measure failed as often as spec.retry allows, or in a way that another attempt can't mend; "
        "the condition's message has the last failure.",
        "Look at the Event with that failure, then annotate the asset with mediaops.dev/retry; or leave the check "
        "out.")
    PICTURE_TOO_SMALL = ("PictureTooSmall", Topic.QUALITY,
        "The picture is too small for VMAF.",
        "Its shorter side has less than 32 pixels.",
        "Leave qualityChecks.minVmaf out.")
    FILTERED_APART = ("FilteredApart", Topic.QUALITY,
        "The picture has passed through clarity, behind which VMAF isn't measured.",
        "clarity isn't a filter of FFmpeg's, and the picture before the encode can't be had again beside the file.",
        "Leave qualityChecks.minVmaf out, or take clarity out of the filter.")
    NOT_REQUESTED = ("NotRequested", Topic.PUBLISHING,
        "The spec names no targets to publish on.",
        "spec.publish is absent.",
        "Nothing.")
    PUBLISHING = ("Publishing", Topic.PUBLISHING,
        "The request was sent; at least one target isn't posted yet.",
        "n8n works on it.",
        "Nothing; status.publication.posts shows each target.")
    POSTED = ("Posted", Topic.PUBLISHING,
        "Every target is posted.",
        "Each platform confirmed its post.",
        "Nothing.")
    ALREADY_POSTED = ("AlreadyPosted", Topic.PUBLISHING,
        "These files were posted before under this name and publish.key; nothing is posted again.",
        "The asset was deleted and applied again.",
        "Nothing; set another publish.key to post again, on purpose.")
    PUBLISHED_DIFFERENT_MEDIA = ("PublishedDifferentMedia", Topic.PUBLISHING,
        "Other files were posted before under this name and publish.key; nothing is posted again.",
        "The asset was deleted and applied again with other operations or content.",
        "Set another publish.key to post the new files.")
    PUBLISHED_OLDER_REVISION = ("PublishedOlderRevision", Topic.PUBLISHING,
        "What is posted is from before the last edit.",
        "Operations, targets or texts were changed after publishing.",
        "Set another publish.key to post the new revision.")
    PUBLISH_FAILED = ("PublishFailed", Topic.PUBLISHING,
        "At least one target ended without a post.",
        "See status.publication.posts for the reason of each.",
        "Repair what they name, then set mediaops.dev/retry; targets that are posted stay as they are.")
    OUTCOME_UNKNOWN = ("OutcomeUnknown", Topic.PUBLISHING,
        "It can't be found out whether the post exists; nothing is posted until a person says so.",
        "The platform's answer to the last call was lost, and it offers no sure look-up.",
        "Look at the account, then set mediaops.dev/resolve as the message says.")
    RESOLVED = ("Resolved", Topic.PUBLISHING,
        "A person settled a post whose outcome was unknown.",
        "The annotation mediaops.dev/resolve was set.",
        "Nothing.")
    WITHDRAWN = ("Withdrawn", Topic.PUBLISHING,
        "The target is not posted, and won't be.",
        "The asset was cancelled or deleted, or the target removed, before it was posted.",
        "Apply the asset again if the post is wanted after all.")
    PLATFORM_REJECTED = ("PlatformRejected", Topic.PUBLISHING,
        "The platform refused the post.",
        "Its text or media breaks the platform's rules; the message gives the platform's words.",
        "Change the text or media, then set mediaops.dev/retry.")
    PLATFORM_UNAVAILABLE = ("PlatformUnavailable", Topic.PUBLISHING,
        "The platform doesn't answer or limits the rate; it is tried again.",
        "The platform is down, or the account posted too much.",
        "Nothing; set mediaops.dev/retry if the round ended.")
    CREDENTIAL_REJECTED = ("CredentialRejected", Topic.PUBLISHING,
        "The platform, or an outside engine, refused the credential.",
        "The account's credential in n8n, or the engine's in its Secret, expired, was revoked or may not do this.",
        "Renew it in n8n or in the Secret mediaops-engine-NAME, then set mediaops.dev/retry.")
    UNKNOWN_PLATFORM = ("UnknownPlatform", Topic.PUBLISHING,
        "The installation can't publish on this platform.",
        "platform is mistyped, or no workflow for it is deployed.",
        "Name one of the platforms that the message lists, or deploy its workflow.")
    UNKNOWN_ACCOUNT = ("UnknownAccount", Topic.PUBLISHING,
        "n8n has no account of this name for the platform and workspace.",
        "accountRef is mistyped, or the account was not deployed.",
        "Deploy the account in n8n, or name another in accountRef; then set mediaops.dev/retry.")
    MEDIA_NOT_ACCEPTED = ("MediaNotAccepted", Topic.PUBLISHING,
        "The platform doesn't take files of this kind, size or length.",
        "The file is outside of the platform's limits, which the message gives.",
        "Compress or crop it to fit, then publish under another publish.key.")
    # fmt: on
