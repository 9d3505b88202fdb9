"""The texts. Upper case English on glass and paper; 21 letters or 10 Han fill a row of the glass."""

from __future__ import annotations

from firmware.words.word import Word

# acts
SALE = Word("消费", "SALE")
VOID = Word("消费撤销", "VOID")
REPRINT = Word("重打印", "REPRINT")
QUERY = Word("查询", "QUERY")
QUEUE = Word("待冲正", "QUEUE")
SIGN_ON = Word("签到", "SIGN-ON")
MENU = Word("菜单", "MENU")
ECHO = Word("回响测试", "ECHO TEST")

# keys at the foot
K_OK_NO = Word("确认=是 取消=否", "OK=YES  CANCEL=NO")
K_OK_CANCEL = Word("确认 / 取消", "OK / CANCEL")
K_CANCEL = Word("取消", "CANCEL")
K_OK = Word("确认", "OK")
K_HOLD = Word("确认重印 1码 取消撤回", "OK=TRY 1=QR X=UNDO")
K_HOLD_SIGN = Word("确认重印 取消撤回", "OK=TRY X=UNDO")

# prompts
READY = Word("请按确认键开始", "PRESS OK TO START")
WELCOME = Word("欢迎使用", "WELCOME")
TYPE_AMOUNT = Word("请输入金额", "ENTER AMOUNT")
AMOUNT_ZERO = Word("金额不能为零", "AMOUNT IS ZERO")
AMOUNT_TOO_BIG = Word("限额 {cap}", "MAX {cap}")
CARD_INSIDE = Word("卡已在机内 看清金额", "CARD IS IN: LOOK")
K_CHARGE = Word("看清后 确认=扣款", "LOOK, OK=CHARGE")
MISMATCH = Word("签名不符 撤销未完成", "MISMATCH: NO VOID")
INSERT_CARD = Word("请插入芯片卡", "INSERT CHIP CARD")
CARD = Word("卡片", "CARD")
REMOVE_CARD = Word("请取回卡片", "REMOVE CARD")
READING = Word("正在读卡 请勿拔卡", "DO NOT REMOVE CARD")
ENTER_PIN = Word("请持卡人输入密码", "ENTER PIN")
PIN_DEMO = Word("演示 勿输真实密码", "DEMO, NO REAL PIN")
ASKING_HOST = Word("请稍候 等待银行", "WAITING FOR BANK")
PRINTING = Word("正在打印", "PRINTING")
NEXT_COPY = Word("撕下 按确认打印下联", "TEAR, OK=NEXT COPY")
TYPE_VOUCHER = Word("凭证号 空=最后一笔", "NUMBER, NONE=LAST")
SIGNATURE_OK = Word("签名与卡背一致?", "SIGNATURE MATCHES?")
SLIP_COMPLETE = Word("小票完整吗?", "IS SLIP COMPLETE?")
LOOK_FOR_LAST = Word("看是否印出 交易成功", "LOOK FOR: APPROVED")

# outcomes
APPROVED = Word("交易成功", "APPROVED")
DECLINED = Word("交易被拒绝", "DECLINED")
DECLINED_CARD = Word("卡片拒绝交易", "DECLINED BY CARD")
CANCELLED = Word("交易已取消", "CANCELLED")
NOT_CHARGED = Word("未扣款", "NOT CHARGED")
TIMED_OUT = Word("操作超时", "TIMED OUT")
NEVER_SENT = Word("未联通银行 未扣款", "NO LINE,NO CHARGE")
VOIDED = Word("撤销成功", "VOIDED")
HAND_OVER = Word("可以交付商品", "HAND OVER GOODS")
HOLD_GOODS = Word("请勿交付商品", "HOLD GOODS")
REVERSAL_PENDING = Word("冲正待确认", "REVERSAL PENDING")
REVERSING = Word("正在冲正", "REVERSING")
REVERSED_SALE = Word("已冲正 未扣款", "REVERSED, NOT CHARGED")
REVERSED_VOID = Word("撤销未成功 原交易仍有效", "VOID FAILED, SALE STANDS")
STUCK = Word("冲正不成功 请联系银行", "STUCK, CALL BANK")
SIGNED_ON = Word("签到成功", "SIGNED ON")
NOT_SIGNED_ON = Word("未签到", "NOT SIGNED ON")
ECHO_OK = Word("线路正常", "LINE IS GOOD")
RESULT_UNKNOWN = Word("结果未知 勿重复刷卡", "UNKNOWN, DO NOT RETRY")
NOTHING_OWED = Word("没有待冲正交易", "NOTHING IS OWED")
OFFER_QR = Word("顾客接受电子凭证?", "TAKE A QR COPY?")
SCAN_QR = Word("请顾客扫码", "PLEASE SCAN")

# refusals
NO_COMMON_APP = Word("不支持此卡", "CARD NOT SUPPORTED")
UPDATING = Word("正在更新", "UPDATING")
UPDATE_WAIT = Word("请稍候 勿断电", "KEEP POWER ON")
TAMPERED = Word("机壳被打开 密钥已清除", "OPENED: KEYS ERASED")
NO_KEYS = Word("请先装入主密钥", "LOAD MASTER KEY")
PARAMETERS = Word("参数下载", "PARAMETERS")
PARAMETERS_IN = Word("应用{aids}个 公钥{keys}个", "{aids} AIDS, {keys} KEYS")
PARAMETERS_BAD = Word("参数有误 保留原参数", "BAD DATA: OLD KEPT")
CARD_BLOCKED = Word("卡片已锁定", "CARD IS BLOCKED")
CHOOSE_APP = Word("请选择卡应用", "CHOOSE APPLICATION")
USE_THIS_APP = Word("使用此应用?", "USE THIS ONE?")
TRY_ANOTHER = Word("此应用不可用 请另选", "NOT USABLE: CHOOSE")
PIN_WRONG = Word("密码错误 还可试{left}次", "WRONG PIN, {left} LEFT")
PIN_LAST_TRY = Word("最后一次输入密码", "LAST TRY")
PIN_ON_READER = Word("请在读卡器上输入", "ON THE READER'S PAD")
PIN_OK = Word("密码正确", "PIN OK")
PIN_BLOCKED = Word("密码已锁定", "PIN IS BLOCKED")
CARD_BROKEN = Word("卡片数据错误", "CARD DATA ERROR")
CARD_PULLED = Word("卡片被拔出", "CARD WAS REMOVED")
KEYPAD_LOST = Word("键盘故障", "KEYPAD IS LOST")
TRY_AGAIN = Word("请重试 或重启终端", "RETRY OR RESTART")
DISPLAY_LOST = Word("屏幕故障", "DISPLAY LOST")
READER_LOST = Word("读卡器故障", "READER IS LOST")
OTHER_CARD = Word("不是原交易卡片", "NOT THE SAME CARD")
NOT_FOUND = Word("没有此凭证号", "VOUCHER NOT FOUND")
ALREADY_VOIDED = Word("此交易已撤销", "ALREADY VOIDED")
OTHER_BATCH = Word("已结算 请用退货", "SETTLED, USE REFUND")
STILL_OWED = Word("有冲正未完成 不能交易", "REVERSAL FIRST")
KEYS_MISSING = Word("没有工作密钥 请签到", "NO KEYS, SIGN ON")
PROGRAM_ERROR = Word("程序错误 已自动保护", "ERROR, MONEY SAFE")
RELEASE_FIRST = Word("先处理未完成交易", "FINISH OPEN SALE")
JOURNAL_BAD = Word("流水损坏 停止交易", "JOURNAL DAMAGED")
JOURNAL_GONE = Word("流水缺失 停止交易", "JOURNAL MISSING")
CLOCK_UNTRUSTED = Word("时钟异常 请签到", "BAD CLOCK, SIGN ON")

# printer, one instruction at a time
PRINTER = Word("打印机", "PRINTER")
PAPER_OUT = Word("缺纸 请装纸", "NO PAPER: LOAD")
COVER_OPEN = Word("请合上打印机盖", "CLOSE PRINTER COVER")
CUTTER = Word("切刀卡住 开盖再合上", "CUTTER: OPEN+CLOSE")
HARDWARE = Word("打印机故障 请重启它", "RESTART THE PRINTER")
OVERHEAT = Word("打印头过热 请稍等", "TOO HOT: WAIT")
SELF_TEST = Word("自检", "SELF TEST")
CAN_YOU_READ = Word("看得清吗", "CAN YOU READ THIS?")
CARD_MUTE = Word("读不到芯片 请换方向", "TURN THE CARD")
CARD_PROTOCOL = Word("不支持此卡协议", "CARD NOT SUPPORTED")
PAPER_LOW = Word("纸将用完 请备纸", "PAPER LOW")
OFFLINE = Word("打印机脱机 看盖子", "OFFLINE: CHECK COVER")
JAM = Word("可能卡纸 请清理纸路", "PAPER JAM? CLEAR IT")
NO_REPLY = Word("打印机无应答 请查线", "SILENT: CHECK CABLE")
REPRINT_LATER = Word("可在菜单重打印", "REPRINT FROM MENU")

# paper
P_MERCHANT_COPY = Word("商户存根", "MERCHANT COPY")
P_CARDHOLDER_COPY = Word("持卡人存根", "CARDHOLDER COPY")
P_DUPLICATE = Word("***重打印***", "DUPLICATE")
P_REVERSAL_NOTICE = Word("冲正通知", "REVERSAL NOTICE")
P_FAULT = Word("故障单", "FAULT SLIP")
P_SIGN = Word("持卡人签名", "SIGNATURE")
P_CONSENT = Word("本人确认以上交易,同意将其计入本卡账户", "I AGREE TO PAY THE ABOVE TOTAL")
P_NO_CVM = Word("免签免密", "NO PIN OR SIGNATURE")
P_PIN = Word("已验证密码", "PIN VERIFIED")
P_KEEP = Word("如需撤回请凭此单联系商户", "KEEP FOR WITHDRAWAL")

# host's answers, for the merchant (DE 39)
HOST_SAYS = Word("银行应答 {code}", "BANK SAYS {code}")
HOST_CODES = {
    "01": Word("请联系发卡行", "CALL ISSUER"),
    "03": Word("商户未登记", "INVALID MERCHANT"),
    "04": Word("没收卡 请联系发卡行", "CAPTURE CARD"),
    "05": Word("不予承兑", "NOT HONOURED"),
    "12": Word("无效交易", "INVALID REQUEST"),
    "13": Word("无效金额", "INVALID AMOUNT"),
    "14": Word("无效卡号", "INVALID CARD"),
    "15": Word("无此发卡行", "NO SUCH ISSUER"),
    "25": Word("原交易不存在", "ORIGINAL NOT FOUND"),
    "30": Word("报文格式错", "FORMAT ERROR"),
    "38": Word("密码错次数超限", "PIN TRIES EXCEEDED"),
    "40": Word("不支持的功能", "NOT SUPPORTED"),
    "41": Word("挂失卡", "LOST CARD"),
    "43": Word("被盗卡", "STOLEN CARD"),
    "51": Word("余额不足", "INSUFFICIENT FUNDS"),
    "54": Word("卡已过期", "EXPIRED CARD"),
    "55": Word("密码错误", "WRONG PIN"),
    "57": Word("卡不允许此交易", "CARD NOT ALLOWED"),
    "58": Word("终端不允许此交易", "TERM. NOT ALLOWED"),
    "61": Word("超出限额", "OVER LIMIT"),
    "62": Word("受限制的卡", "RESTRICTED CARD"),
    "64": Word("金额与原交易不符", "AMOUNT DIFFERS"),
    "65": Word("次数超限", "COUNT LIMIT"),
    "68": Word("银行超时", "BANK TIMEOUT"),
    "75": Word("密码错次数超限", "PIN TRIES EXCEEDED"),
    "90": Word("日切处理中", "DAY CUT-OVER"),
    "91": Word("发卡行不可用", "ISSUER IS DOWN"),
    "92": Word("线路故障", "LINE FAULT"),
    "94": Word("重复交易", "DUPLICATE"),
    "96": Word("中心系统故障", "CENTRE FAULT"),
    "97": Word("终端未登记", "TERMINAL UNKNOWN"),
    "98": Word("发卡行无应答", "NO ISSUER REPLY"),
    "99": Word("密码格式错", "PIN BLOCK ERROR"),
    "A0": Word("校验错 请重新签到", "MAC ERROR, SIGN ON"),
    "A7": Word("安全处理失败", "SECURITY FAILURE"),
}
