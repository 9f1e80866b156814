"""What people read when something cannot be done: what happened, and what to do.

By the code of the error. Where a code has no sentence here, the error's own (English) sentence is
shown under a general one.
"""

from __future__ import annotations

from dataclasses import dataclass

Words = dict[str, str]  # {"zh": …, "en": …}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A title and what to do about it, in both languages."""

    title: Words
    text: Words


def _say(title_zh: str, title_en: str, zh: str, en: str) -> Sentence:
    return Sentence({"zh": title_zh, "en": title_en}, {"zh": zh, "en": en})


SENTENCES: dict[str, Sentence] = {
    "token-wrong": _say(
        "链接无效", "This link is not valid",
        "链接可能没有复制完整。请核对后再打开，或向邀请您的人要一个新链接。",
        "It may not have been copied completely. Check it, or ask for a new one.",
    ),
    "token-expired": _say(
        "链接已过期", "This link has expired",
        "链接的有效期已过。请向邀请您的人要一个新链接。",
        "It was valid for a limited time. Ask whoever invited you for a new one.",
    ),
    "token-revoked": _say(
        "链接已被撤销", "This link was withdrawn",
        "主会场撤销了这个链接。如需参加，请联系主会场。",
        "The main hall has withdrawn it. If you are to take part, please call the main hall.",
    ),
    "token-other-consultation": _say(
        "链接属于另一场协商会", "This link belongs to another consultation",
        "请打开本场协商会的链接，或向邀请您的人询问。",
        "Open the link of this consultation, or ask whoever invited you.",
    ),
    "token-site-gone": _say(
        "该会场不在名单中", "This site takes part no more",
        "链接中的会场已不在本场协商会的名单里。请联系主会场。",
        "The site of this link is not on the list of this consultation. Please call the main hall.",
    ),
    "token-role": _say(
        "此链接不能打开这个页面", "This link does not open this page",
        "您的链接用于别的用途。请使用为此页面发给您的链接。",
        "Your link is for something else. Use the one that you were given for this page.",
    ),
    "token-missing": _say(
        "需要链接或登录", "A link or a sign-in is needed",
        "请使用发给您的链接，或先登录。",
        "Use the link that you were given, or sign in first.",
    ),
    "sign-in-needed": _say(
        "请先登录", "Please sign in",
        "登录已结束或尚未登录。请登录后继续。",
        "You are not signed in, or no longer. Sign in to go on.",
    ),
    "sign-in-wrong": _say(
        "未能登录", "Could not sign in",
        "姓名或密码不正确。请再试一次。",
        "The name or the password is not right. Please try again.",
    ),
    "too-many-attempts": _say(
        "尝试次数过多", "Too many attempts",
        "请等待几分钟再试，或使用发给您的登录链接。",
        "Wait a few minutes, or use the sign-in link that you were given.",
    ),
    "foreign-origin": _say(
        "请求来自别的网站", "The request came from another site",
        "请直接打开本系统的页面再操作。",
        "Open the page of this system itself and try again.",
    ),
    "not-found": _say(
        "找不到此页面", "There is no such page",
        "地址可能有误。请核对，或回到首页。",
        "The address may be wrong. Check it, or go to the first page.",
    ),
    "no-consultation": _say(
        "没有这场协商会", "There is no such consultation",
        "地址可能有误，或者这场协商会没有录制。",
        "The address may be wrong, or this consultation was not recorded.",
    ),
    "no-file": _say(
        "没有这个录像文件", "There is no such recording",
        "它可能尚未写入，或者地址有误。",
        "It may not have been written yet, or the address is wrong.",
    ),
    "no-clip": _say(
        "这一时刻没有录像", "Nothing was recorded then",
        "该会场在这一时刻没有录像。", "This site was not recorded at that time.",
    ),
    "clips": _say(
        "播放的片段过多", "Too many clips",
        "同时播放的片段已达上限，请稍后再试。", "Too many clips are being played; try again later.",
    ),
    "clip-times": _say(
        "时间有误", "The times are not right",
        "from 和 to 应为 UTC 毫秒，且 from 早于 to。",
        "'from' and 'to' are UTC milliseconds, from before to.",
    ),
    "no-such-site": _say(
        "没有这个会场", "There is no such site",
        "会场名单中没有它。请核对会场编号。",
        "It is not on the list of sites. Check its id.",
    ),
    "not-allowed-method": _say(
        "此地址不接受这种请求", "This address does not take such a request",
        "请核对请求方法。", "Check the method of the request.",
    ),
    "too-large": _say(
        "内容过大", "Too large", "发送的内容超过了上限。", "What was sent is larger than allowed.",
    ),
    "sdp": _say(
        "媒体请求有误", "The media offer cannot be used",
        "发来的 SDP 无法使用。请检查编码器设置或换用新版浏览器。",
        "The SDP cannot be used. Check the encoder's settings or use a newer browser.",
    ),
    "sdp-type": _say(
        "需要 SDP", "An SDP offer is expected",
        "请以 Content-Type: application/sdp 发送 SDP。",
        "Send an SDP offer with Content-Type: application/sdp.",
    ),
    "codec": _say(
        "编码格式不支持", "No codec in common",
        "请使用 VP8 或 H.264 视频、Opus 音频。", "Send VP8 or H.264 pictures and Opus sound.",
    ),
    "busy": _say(
        "服务器已满", "The server is full",
        "连接数已达上限。请稍后再试。", "The limit of connections is reached. Try again later.",
    ),
    "media-away": _say(
        "媒体服务正在恢复", "The media service is coming back",
        "请稍等几秒，会自动重试。", "Wait a few seconds; it is tried again.",
    ),
    "no-such-peer": _say(
        "连接已结束", "This connection has ended",
        "它已关闭或从未存在。", "It was closed, or never was.",
    ),
    "site-twice": _say(
        "会场重复", "The same site twice",
        "同一画面中不能出现两次同一会场。", "The same site cannot stand twice in one picture.",
    ),
    "too-many-sites": _say(
        "会场过多", "Too many sites",
        "此布局放不下这么多会场。", "This layout has no room for so many sites.",
    ),
    "preview-empty": _say(
        "预监为空", "Nothing is prepared",
        "请先选择会场。", "Nothing is prepared; choose a site first.",
    ),
    "already-on-air": _say(
        "已在播出", "On air already",
        "这个画面已经在播出。", "This picture is on air already.",
    ),
    "just-taken": _say(
        "刚刚切换过", "Taken a moment ago",
        "刚刚已经切换，按一次即可。", "This was taken a moment ago; press once.",
    ),
    "nothing-to-undo": _say(
        "无可撤销", "Nothing to undo", "没有可以撤销的切换。", "There is nothing to undo.",
    ),
    "no-such-output": _say(
        "没有这个推流目标", "No such output",
        "sites.yaml 中没有这个推流目标。", "sites.yaml has no such output.",
    ),
    "not-there": _say(
        "会场未连接", "The site is not connected",
        "这个会场现在没有连接。", "This site is not connected.",
    ),
    "bad-message": _say(
        "消息无法识别", "The message was not understood",
        "页面可能已过时。请刷新页面。", "The page may be out of date. Reload it.",
    ),
    "too-fast": _say(
        "消息过多", "Too many messages",
        "页面发送的消息过多，连接已断开。", "The page sent too many messages and was disconnected.",
    ),
    "hello-first": _say(
        "尚未入座", "Not seated yet",
        "请先进入会场。", "Say hello first.",
    ),
    "too-slow": _say(
        "网络太慢", "The line is too slow",
        "十秒内无法送达任何内容。正在重新连接。",
        "Nothing could be delivered for ten seconds. Connecting again.",
    ),
    "seat-taken": _say(
        "席位已转到另一台设备", "Another device took the seat",
        "本会场已在另一台设备上进入。如要在这里继续，请点“回到这里”。",
        "This site was entered on another device. To go on here, take the seat back.",
    ),
    "dropped": _say(
        "主会场结束了连接", "The main hall ended the connection",
        "如需继续参加，请联系主会场后重新进入。",
        "To go on, call the main hall and enter again.",
    ),
    "signed-out": _say(
        "已退出登录", "Signed out",
        "登录已结束。请重新登录。", "Your sign-in has ended. Please sign in again.",
    ),
    "server-restarts": _say(
        "服务器正在重启", "The server restarts",
        "马上会自动连接。", "It is connected again in a moment.",
    ),
    "internal": _say(
        "服务器出错", "Something went wrong here",
        "错误已记录。请稍后再试。", "It was noted. Please try again in a moment.",
    ),
}  # fmt: skip

GENERAL: dict[int, Words] = {
    400: {"zh": "请求有误，无法完成。", "en": "The request cannot be done."},
    401: {"zh": "需要有效的链接或登录。", "en": "A valid link or a sign-in is needed."},
    403: {"zh": "没有这项权限。", "en": "You may not do this."},
    404: {"zh": "没有找到。", "en": "Not found."},
    409: {"zh": "在目前的状态下无法完成。", "en": "Not possible in the present state."},
    415: {"zh": "内容格式不支持。", "en": "This kind of content is not taken."},
    429: {"zh": "过于频繁，请稍后再试。", "en": "Too often; try again later."},
    500: {"zh": "服务器出错，已记录。", "en": "Something went wrong here; it was noted."},
    503: {"zh": "暂时无法完成，请稍后再试。", "en": "Not possible at the moment; try again later."},
}
