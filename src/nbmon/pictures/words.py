"""The words of the pages, in English and in Chinese, and which of the two a reader prefers. Pure.

`{}` in a sentence stands for what the sentence is about. A language is complete or a test fails.
"""

from __future__ import annotations

from typing import NamedTuple

ENGLISH = {
    "skip": "Skip to the content",
    "way": "Way to this folder",
    "page_of": "page {} of {}",
    "page_n": "(page {})",
    "folders": "Folders",
    "pictures": "Pictures",
    "others": "Other files",
    "files": "Files",
    "empty": "This folder is empty",
    "empty_hint": "A picture that is put into it shows up here at once.",
    "nothing": "No picture found",
    "nothing_hint": "Names and dates were looked through, here and in all folders within.",
    "incomplete": "This folder holds more names than a page can list; "
    "the others are there, but not shown here.",
    "unsearched": "There are more folders within than could be looked through at once.",
    "counting": "Still counting: this folder holds {} names or more. The page grows as they are read.",
    "behind": "This folder has just changed; its list is being renewed.",
    "undated": "Dates and sizes are still being read; until then, pictures stand by their names.",
    "pages": "Pages",
    "previous": "Previous",
    "next": "Next",
    "shown_by": "Shown by nbmon",
    "sort": "Sort",
    "name": "Name",
    "-name": "Name, backwards",
    "-date": "Newest first",
    "date": "Oldest first",
    "-size": "Largest first",
    "size": "Smallest first",
    "search": "Search",
    "search_for": "Name of a picture",
    "since": "From",
    "until": "To",
    "dates": "Dates",
    "all": "Clear search",
    "choose": "Select",
    "choose_one": "Select {}",
    "choose_all": "Select all",
    "chosen": "{} selected",
    "download_chosen": "Download",
    "download_all": "Download all",
    "cancel": "Cancel",
    "all_kinds": "all that is shown here, as a zip file",
    "not_readable": "not readable",
    "is_empty": "empty",
    "film": "Film",
    "back": "Back to the folder",
    "earlier": "Previous picture",
    "later": "Next picture",
    "original": "Original",
    "download": "Download",
    "info": "Information",
    "full": "Full screen",
    "close": "Close",
    "nth": "{} of {}",
    "file": "File",
    "dimensions": "Size",
    "pixels": "{} × {} pixels",
    "taken": "Taken",
    "changed": "File changed",
    "camera": "Camera",
    "lens": "Lens",
    "exposure": "Exposure",
    "place": "Place",
    "broken": "This picture cannot be shown.",
    "unshown": "Browsers do not show pictures of this kind ({}). The file can be downloaded.",
    "no_film": "This browser cannot play the film; it can be downloaded.",
    "too_many": "Too many at once: select fewer; or select all, and take out what you do not want.",
}

CHINESE = {
    "skip": "跳到内容",
    "way": "当前文件夹的路径",
    "page_of": "第 {} 页，共 {} 页",
    "page_n": "（第 {} 页）",
    "folders": "文件夹",
    "pictures": "图片",
    "others": "其他文件",
    "files": "文件",
    "empty": "这个文件夹是空的",
    "empty_hint": "放进来的图片会马上显示在这里。",
    "nothing": "没有找到图片",
    "nothing_hint": "已按名称和日期查找了这里和其中所有的文件夹。",
    "incomplete": "这个文件夹里的文件太多，页面列不完；其余的仍然存在，只是没有显示在这里。",
    "unsearched": "里面的文件夹太多，没能全部找遍。",
    "counting": "还在统计：这个文件夹里至少有 {} 个文件，读到的会陆续出现。",
    "behind": "这个文件夹刚有变化，列表正在更新。",
    "undated": "还在读取日期和大小；在此之前按名称排列。",
    "pages": "页码",
    "previous": "上一页",
    "next": "下一页",
    "shown_by": "由 nbmon 展示",
    "sort": "排序",
    "name": "按名称",
    "-name": "按名称倒序",
    "-date": "最新在前",
    "date": "最早在前",
    "-size": "最大在前",
    "size": "最小在前",
    "search": "搜索",
    "search_for": "图片名称",
    "since": "从",
    "until": "到",
    "dates": "日期",
    "all": "清除搜索",
    "choose": "选择",
    "choose_one": "选择 {}",
    "choose_all": "全选",
    "chosen": "已选 {} 项",
    "download_chosen": "下载",
    "download_all": "全部下载",
    "cancel": "取消",
    "all_kinds": "把这里显示的内容打包成 zip 文件",
    "not_readable": "无法读取",
    "is_empty": "空",
    "film": "视频",
    "back": "回到文件夹",
    "earlier": "上一张",
    "later": "下一张",
    "original": "原图",
    "download": "下载",
    "info": "信息",
    "full": "全屏",
    "close": "关闭",
    "nth": "{} / {}",
    "file": "文件",
    "dimensions": "尺寸",
    "pixels": "{} × {} 像素",
    "taken": "拍摄时间",
    "changed": "文件修改时间",
    "camera": "相机",
    "lens": "镜头",
    "exposure": "曝光",
    "place": "地点",
    "broken": "这张图片无法显示。",
    "unshown": "浏览器不能显示这种格式（{}）的图片，可以下载原文件。",
    "no_film": "这个浏览器不能播放该视频，可以下载后观看。",
    "too_many": "一次选得太多：请少选一些，或者先全选，再去掉不要的。",
}

# What can be counted: in English one and many, in Chinese with its measure word.
_COUNTED = {
    "folder": ("folder", "folders", "{} 个文件夹"),
    "picture": ("picture", "pictures", "{} 张图片"),
    "film": ("film", "films", "{} 个视频"),
    "file": ("file", "files", "{} 个文件"),
    "other": ("other file", "other files", "{} 个其他文件"),
}


class Words(NamedTuple):
    """One language."""

    tag: str  # of RFC 5646, for `lang` and Content-Language
    said: dict[str, str]
    comma: str

    def __call__(self, key: str, *about: object) -> str:
        """The sentence of that key."""
        return self.said[key].format(*about)

    def counted(self, number: int, what: str, *, more: bool = False) -> str:
        """`1 picture`, `7 pictures`, `1000+ pictures`."""
        one, many, chinese = _COUNTED[what]
        shown = f"{number}{'+' if more else ''}"
        if self.tag != "en":
            return chinese.format(shown)
        return f"{shown} {one if number == 1 and not more else many}"


EN = Words("en", ENGLISH, ", ")
ZH = Words("zh-Hans", CHINESE, "，")
MAX_RANGES = 30  # of an Accept-Language field that are looked at


def preferred(accept_language: bytes | None) -> Words:
    """The language of the two that the field (RFC 9110, section 12.5.4) wants most; English in doubt."""
    if not accept_language or b"zh" not in accept_language.lower():
        return EN
    best = {"en": 0.0, "zh": 0.0, "*": 0.0}
    for part in accept_language.decode("latin-1").lower().split(",")[:MAX_RANGES]:
        tag, _, weight = part.partition(";")
        primary = tag.strip().partition("-")[0]
        if primary in best:
            best[primary] = max(best[primary], _quality(weight))
    return ZH if best["zh"] > max(best["en"], 0.0) else EN


def _quality(weight: str) -> float:
    key, _, value = weight.strip().partition("=")
    if not key:
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if key.strip() == "q" and 0 <= quality <= 1 else 0.0
