"""The texts of everything that can be taken back, of bookings, of the day and of operators."""

from __future__ import annotations

from firmware.words.word import Word

# acts
WITHDRAW = Word("撤回", "WITHDRAW")
REFUND = Word("退货", "REFUND")
BOOKING = Word("预授权", "BOOKING")
BOOKING_VOID = Word("预授权撤销", "BOOKING VOID")
COMPLETION = Word("预授权完成", "COMPLETION")
COMPLETION_NOTICE = Word("完成通知", "COMPL. NOTICE")
COMPLETION_VOID = Word("完成撤销", "COMPLETION VOID")
INCREMENT = Word("追加预授权", "BOOKING MORE")
OFFLINE_SALE = Word("离线消费", "OFFLINE SALE")
CASH = Word("现金", "CASH SALE")
CASH_REFUND = Word("现金退款", "CASH REFUND")
BALANCE = Word("余额查询", "BALANCE")
FORCED = Word("强制撤回", "FORCED")
RULES = Word("规则", "RULES")
REQUESTS = Word("撤回申请", "REQUESTS")
REPORTS = Word("报表", "REPORTS")
CASES = Word("疑难交易", "CASES")
SETTLE = Word("结算", "SETTLEMENT")
SIGN_OFF = Word("签退", "SIGN-OFF")
OPERATORS = Word("操作员", "OPERATORS")
TRAINING = Word("培训模式", "TRAINING")
X_REPORT = Word("当前汇总", "X REPORT")
LAST_SETTLEMENT = Word("重打结算单", "SETTLEMENT COPY")

# what the Withdraw menu offers
A_VOID = Word("撤销 全额", "VOID, WHOLE")
A_REFUND = Word("退货 可部分", "REFUND")
A_CANCEL_ORDER = Word("取消订单 不退款", "CANCEL, NO MONEY")
A_COMPLETION_VOID = Word("撤销完成", "VOID COMPLETION")
A_RELEASE = Word("取消预订 全部解冻", "CANCEL, FREE ALL")
A_KEEP_PART = Word("取消预订 扣手续费", "CANCEL, KEEP FEE")
A_COMPLETE = Word("完成预授权", "COMPLETE")
A_COMPLETE_NOTICE = Word("完成 通知方式", "BY A NOTICE")
A_AMEND = Word("修改预订", "AMEND")
A_VOID_HERE = Word("撤销 未上送", "VOID, UNSENT")
A_CASH_REFUND = Word("退现金", "CASH BACK")
WHY_NOT = Word("其余为何不可", "WHY NOT OTHERS")
ACTIONS = {
    "void": A_VOID,
    "refund": A_REFUND,
    "cancel_order": A_CANCEL_ORDER,
    "completion_void": A_COMPLETION_VOID,
    "release": A_RELEASE,
    "keep_part": A_KEEP_PART,
    "complete": A_COMPLETE,
    "complete_notice": A_COMPLETE_NOTICE,
    "amend": A_AMEND,
    "void_here": A_VOID_HERE,
    "cash_refund": A_CASH_REFUND,
}

# why not: for the merchant
R_NOT_LISTED = Word("此类交易不能撤回", "CANNOT BE TAKEN BACK")
R_SWITCHED_OFF = Word("本店未开通此功能", "SWITCHED OFF HERE")
R_FINAL = Word("小额离线 不可撤回", "NOT REVERSIBLE")
R_SAME_BATCH = Word("结算后才可退货", "ONLY AFTER SETTLING")
R_TOO_EARLY = Word("还未到可撤回时间", "TOO EARLY")
R_TOO_LATE = Word("已过撤回期限", "WINDOW HAS CLOSED")
R_AMOUNT = Word("金额不在允许范围", "AMOUNT OUT OF RANGE")
R_NO_SUCH_DAY = Word("没有这一天", "NO SUCH DAY")
R_NO_CANCEL = Word("此预订不可取消", "BOOKING: NO CANCEL")
R_FEE_NOW = Word("免费取消期已过", "FREE CANCEL IS OVER")
R_FREE_STILL = Word("现在可免费取消", "CANCEL IS STILL FREE")
R_NOTHING_LEFT = Word("没有可退金额", "NOTHING IS LEFT")
R_REFUNDED = Word("已全部退货", "FULLY REFUNDED")
R_PART_REFUNDED = Word("已部分退货", "PARTLY REFUNDED")
R_COMPLETED = Word("预授权已完成", "ALREADY COMPLETED")
R_CANCELLED = Word("预授权已撤销", "ALREADY CANCELLED")
R_EXPIRED = Word("预授权已过期", "HOLD HAS EXPIRED")
R_WAITING = Word("离线交易还未上送", "NOT UPLOADED YET")
R_NOT_MADE = Word("原交易未成功", "NO MONEY WAS TAKEN")
R_UPLOAD_REFUSED = Word("离线交易被拒 见清单", "UPLOAD WAS REFUSED")
R_STANDING = Word("交易正常有效", "THE SALE STANDS")
R_HELD = Word("预授权冻结中", "THE HOLD STANDS")
R_OTHER_MERCHANT = Word("不是本店的小票", "SLIP OF ANOTHER SHOP")
R_OTHER_TERMINAL = Word("非本机小票 请到原机", "OTHER TERMINAL")
R_NOT_AGREED = Word("顾客未同意 不能退", "CUSTOMER SAID NO")
R_OVER_CAP = Word("最多扣{most}", "MAX {most}")
R_FORGED = Word("小票校验不符", "SLIP DOES NOT MATCH")
R_LIVE = Word("已有撤回在处理", "ONE IS UNDER WAY")
R_CARD_ABSENT = Word("须出示原卡", "CARD IS NEEDED")
R_OVER_LEFT = Word("最多可退 {most}", "AT MOST {most}")
R_DUAL = Word("申请人不能自己批准", "ANOTHER MUST GRANT")
R_NOT_GRANTED = Word("未获批准", "NOT GRANTED")
R_SETTLE_FIRST = Word("结算未完成 请先结算", "FINISH SETTLEMENT")
R_JOURNAL_FULL = Word("流水将满 请结算", "PLEASE SETTLE")
R_SIGN_ON_FIRST = Word("请操作员先签到", "OPERATOR: SIGN ON")
R_LOCKED = Word("已锁定 {seconds} 秒", "LOCKED FOR {seconds}s")
R_WRONG_PASSWORD = Word("密码不正确", "WRONG PASSWORD")
R_EASY = Word("密码太简单 请换", "TOO EASY, CHANGE IT")
R_DIFFERENT = Word("两次输入不同", "THEY DIFFER")
R_NO_OPERATOR = Word("没有可批准的主管", "NO SUPERVISOR IS SET")
R_NOT_ALLOWED = Word("权限不足", "NOT ALLOWED")
R_NO_RETRY = Word("不可重试 请先查询", "NO RETRY, CHECK IT")
R_RETRIES = Word("重试次数已满", "NO MORE RETRIES")
R_OPEN_MONEY = Word("有未完成交易 不能结算", "OPEN MONEY FIRST")
R_NOTHING_HERE = Word("没有记录", "NOTHING HERE")
R_TRAINING = Word("培训模式 无真实交易", "TRAINING ONLY")
R_CASE_NEEDED = Word("须输入案件编号", "CASE NUMBER NEEDED")

# finding it
FIND_VOUCHER = Word("凭证号 空=最后一笔", "NUMBER, NONE=LAST")
K_FIND = Word("确认 菜单=其他方式", "OK  MENU=OTHER WAY")
BY_RRN = Word("参考号+日期", "RRN + DATE")
BY_ORDER = Word("订单号", "ORDER NUMBER")
BY_LAST4 = Word("卡号后四位", "LAST FOUR DIGITS")
BY_CARD = Word("插卡查找", "BY THE CARD")
BY_AMOUNT = Word("金额+时间", "AMOUNT + TIME")
BY_FORM = Word("申请单编号", "FORM NUMBER")
TYPE_RRN = Word("输入12位参考号", "RRN, 12 DIGITS")
TYPE_DATE = Word("输入日期 月日", "DATE AS MMDD")
TYPE_TIME = Word("输入时间 时分", "TIME AS HHMM")
TYPE_ORDER = Word("输入订单号", "ORDER NUMBER")
TYPE_LAST4 = Word("输入后四位", "LAST FOUR DIGITS")
TYPE_FORM = Word("输入申请单编号", "FORM NUMBER")
TYPE_CASE = Word("输入案件/授权编号", "CASE OR AUTH CODE")
TYPE_PHONE = Word("顾客电话 可空", "PHONE, MAY BE EMPTY")
PICK_ONE = Word("请选择交易", "CHOOSE ONE")
WITHDRAW_CARD = Word("请插入原交易卡片", "INSERT SAME CARD")
K_CARD_OR_NOT = Word("取消 1=顾客不在", "X=END 1=NO CARD")
TYPE_PART = Word("金额 空=全部 {most}", "NONE = ALL {most}")

# reasons
REASON = Word("撤回原因", "REASON")
GROUNDS = {
    "operator": Word("操作更正", "OPERATOR"),
    "customer": Word("顾客要求", "CUSTOMER"),
    "emergency": Word("紧急情况", "EMERGENCY"),
    "fault": Word("设备故障", "FAULT"),
    "legal": Word("法律原因", "LEGAL"),
    "other": Word("其他原因", "OTHER"),
}
CUSTOMER_GROUNDS = {
    "mistake": Word("误操作", "BY MISTAKE"),
    "doubt": Word("对内容有疑问", "ABOUT CONTENT"),
    "personal": Word("个人原因", "PERSONAL"),
}

# confirming
CONFIRM = Word("请商户核对", "MERCHANT: CHECK")
UNKNOWN_ISSUER = Word("未知发卡行", "UNKNOWN ISSUER")
CONSENT = Word("请顾客确认", "PLEASE CONFIRM")
E_TODAY = Word("退回{card} 今日不扣", "TO {card}, TODAY")
E_DAYS = Word("退回{card} 约{date}", "TO {card} BY {date}")
E_RELEASE = Word("冻结全部解除", "HOLD IS RELEASED")
E_FEE = Word("收以上费用 其余解冻", "FEE, THE REST FREED")
E_NO_MONEY = Word("取消订单 退款0.00", "ORDER OFF, BACK 0")
E_CASH = Word("当面退现金", "CASH IN HAND")
E_PAY = Word("从卡{card}支付以上", "PAID BY CARD {card}")
E_AMEND = Word("修改预订 {card}", "CHANGE BOOKING")
E_LIABLE = Word("如有延迟由商户负责", "SHOP BEARS DELAYS")
K_RETRY = Word("确认 1=重新支付", "OK  1=PAY AGAIN")
K_AGREE = Word("确认=同意 取消=不", "OK=AGREE X=NO")

# granting
GRANT = Word("主管批准", "SUPERVISOR")
SECOND_GRANT = Word("第二人批准", "SECOND PERSON")
TYPE_OPERATOR = Word("操作员号 空=00", "NUMBER, NONE=00")
TYPE_PASSWORD = Word("输入6位密码", "6-DIGIT PASSWORD")
NEW_PASSWORD = Word("新密码 6位", "NEW, 6 DIGITS")
REPEAT_PASSWORD = Word("再输一次", "ONCE MORE")
OTHER_CARD_ASK = Word("非原卡 主管特批?", "OTHER CARD: ALLOW?")

# why something was taken back, on the notice that the customer may keep (DE 39 of the 0400)
REVERSAL_REASONS = {
    "98": Word("没有应答", "NO ANSWER"),
    "96": Word("终端未完成", "NOT COMPLETED"),
    "06": Word("卡片未完成", "CARD NOT DONE"),
    "A0": Word("应答校验不符", "ANSWER CHECK"),
}

# results
REFUNDED = Word("退货已受理", "REFUND ACCEPTED")
REFUND_UNKNOWN = Word("结果未知 勿重复退货", "UNKNOWN, DO NOT REPEAT")
BOOKED = Word("预授权成功", "HOLD IS MADE")
BOOKING_RELEASED = Word("预授权已解冻", "HOLD IS RELEASED")
COMPLETED = Word("完成成功", "COMPLETED")
COMPLETION_VOIDED = Word("完成已撤销", "COMPLETION VOIDED")
AMENDED = Word("预订已修改", "BOOKING AMENDED")
CASH_BACK = Word("请退现金给顾客", "HAND CASH BACK")
ORDER_CANCELLED = Word("订单已取消 退款0.00", "CANCELLED, BACK 0.00")
REVERSED_BOOKING = Word("已冲正 未冻结", "REVERSED, NO HOLD")
REVERSED_COMPLETION = Word("完成未成功 预授权仍有效", "NOT COMPLETED, HOLD STANDS")
REVERSED_OTHER = Word("已冲正 原交易不变", "REVERSED, NO CHANGE")
UPLOAD_WAITS = Word("待上送", "WAITS FOR UPLOAD")
UPLOADED = Word("已上送", "UPLOADED")
UPLOAD_REFUSED = Word("上送被拒 请联系银行", "UPLOAD REFUSED, CALL BANK")
CLOSED_BY_HAND = Word("已人工处理", "CLOSED BY HAND")
CLOSED_STANDS = Word("人工核实 已入账", "CLOSED: IT STANDS")
CLOSED_NOTHING = Word("人工核实 未入账", "CLOSED: NOTHING")
UNPROVEN = Word("银行称无此笔 待核实", "BANK: NONE. VERIFY")
MAY_STAND = Word("银行称重复 勿再收款", "DUPLICATE: NO RETRY")
NEVER_UPLOADED = Word("已撤销 不再上送", "VOIDED, NOT UPLOADED")
DONE_AT_BANK = Word("银行已处理", "DONE AT THE BANK")
FAILED_AT_BANK = Word("银行未处理", "NOT DONE AT THE BANK")
BALANCE_IS = Word("可用余额", "AVAILABLE")
SHALL_RETRY = Word("同一订单重试?", "TRY ORDER AGAIN?")

# bookings
BOOKING_KINDS = {
    "free": Word("可退预订", "FREE CANCEL"),
    "fee": Word("扣费可退", "CANCEL FOR FEE"),
    "none": Word("不可取消", "NO CANCEL"),
}
B_CLASS = Word("预订种类", "KIND OF BOOKING")
B_SERVICE = Word("服务日期 月日", "SERVICE DATE MMDD")
B_TERMS = Word("顾客须知", "TERMS")
B_TERMS_FREE = Word("{by}前免费取消", "FREE TO {by}")
B_TERMS_FEE = Word("{by}后取消收{percent}%", "{percent}% FROM {by}")
B_TERMS_NONE = Word("订后不可取消", "NO CANCELLING")
B_NEW = Word("新预订", "NEW BOOKING")
B_COMPLETE = Word("完成", "COMPLETE")
B_AMEND = Word("修改", "AMEND")
B_AMEND_AMOUNT = Word("改金额", "AMOUNT")
B_AMEND_DATE = Word("改日期", "DATE")
B_NEW_AMOUNT = Word("新的总额", "NEW TOTAL")

# cases
CASE_VERIFY = Word("核实", "VERIFY")
CASE_BOTH = Word("本机/银行", "HERE / BANK")
CASE_DIFFERS = Word("两边不一致!", "THEY DIFFER!")
CASE_AGREES = Word("两边一致", "THEY AGREE")
CASE_NO_VIEW = Word("银行不提供查询", "BANK OFFERS NO VIEW")
CASE_CLOSE = Word("凭编号关闭", "CLOSE BY CODE")
CASE_TRUTH = Word("银行已入账?", "DOES IT STAND?")
CASE_STANDS = Word("已入账 关闭", "IT STANDS: CLOSE")
CASE_NOTHING = Word("未入账 关闭", "NOTHING: CLOSE")
K_TRUTH = Word("确认=有 2=无 取消", "OK=YES 2=NO X=BACK")
CASE_AGAIN = Word("再次发送", "SEND AGAIN")
CASE_BOOKED = Word("银行:已入账", "BANK: BOOKED")
CASE_ABSENT = Word("银行:无此交易", "BANK: NOTHING")
CASE_REVERSED = Word("银行:已冲正", "BANK: REVERSED")
CASE_PENDING = Word("银行:处理中", "BANK: PENDING")
CASE_REJECTED = Word("银行:已退回", "BANK: SENT BACK")
CASE_ADJUSTED = Word("银行:金额有调整", "BANK: ADJUSTED")

# requests
Q_OPEN = Word("未完成申请", "OPEN REQUESTS")
Q_FORM = Word("打印申请表", "PRINT FORM")
Q_REOPEN = Word("继续申请", "REOPEN")
Q_CONTACT = Word("联系记录", "CONTACT LOG")
Q_FOLLOW = Word("跟进日期", "FOLLOW-UP")
Q_FORGET = Word("删除联系方式", "FORGET CONTACT")
Q_LIABLE = Word("待承担清单", "LIABILITIES")
Q_OVERDUE = Word("逾期清单", "OVERDUE")
Q_HOLDS = Word("预授权账龄", "OPEN HOLDS")
Q_RATE = Word("撤回统计", "WITHDRAWAL RATE")
Q_REMIND = Word("24小时内到期", "DUE WITHIN 24 H")
Q_PROGRESS = Word("退款进度", "PROGRESS")
CHANNELS = {"phone": Word("电话", "PHONE"), "text": Word("短信", "TEXT"), "other": Word("其他", "OTHER WAY")}
RESULTS = {
    "agreed": Word("同意", "AGREED"),
    "no_answer": Word("未接通", "NO ANSWER"),
    "refused": Word("不同意", "REFUSED"),
}
STATUS = {
    "requested": Word("已申请", "REQUESTED"),
    "granted": Word("已批准", "GRANTED"),
    "refused": Word("未批准", "REFUSED"),
    "abandoned": Word("已放弃", "ABANDONED"),
    "submitted": Word("已提交", "SUBMITTED"),
    "pending": Word("处理中", "PENDING"),
    "done": Word("已完成", "DONE"),
    "failed": Word("未成功", "FAILED"),
    "adjusted": Word("金额有调整", "ADJUSTED"),
}
OVERDUE_ALERT = Word("有逾期退款 请跟进", "OVERDUE: FOLLOW UP")
REFUND_NEWS = Word("退款状态有变化", "REFUND NEWS")

FOLLOW_DAYS = Word("几天后跟进", "IN HOW MANY DAYS")
COMPENSATION = Word("补偿金额 分 可空", "COMPENSATION, FEN")
FORCED_PART = Word("书面依据 只退部分?", "WRITTEN GROUND: PART?")

# the day
SETTLED = Word("结算完成", "SETTLED")
BALANCED = Word("对账平", "BALANCED")
NOT_BALANCED = Word("对账不平", "NOT BALANCED")
SETTLE_ASK = Word("现在结算?", "SETTLE NOW?")
SIGNED_OFF = Word("签退成功", "SIGNED OFF")
OPERATOR_ON = Word("操作员签到", "OPERATOR ON")
OPERATOR_OFF = Word("操作员签退", "OPERATOR OFF")
CHANGE_PASSWORD = Word("改密码", "PASSWORD")
ADD_OPERATOR = Word("新增操作员", "ADD OPERATOR")
RESET_OPERATOR = Word("重置/删除", "RESET, REMOVE")
FIX_CLOCK = Word("校正时钟", "CORRECT CLOCK")
FIRST_START = Word("首次设置", "FIRST START")
SET_ADMIN = Word("设管理员99密码", "ADMINISTRATOR 99")
SET_SUPERVISOR = Word("设主管00密码", "SUPERVISOR 00")
SET_CASHIER = Word("设收银员01密码", "CASHIER 01")
SAVED = Word("已保存", "SAVED")
LOCKED = Word("已锁定 请输密码", "LOCKED, PASSWORD")
SELF_TEST_ACT = Word("自检", "SELF-TEST")
FOOT_IDLE = Word("确认消费 清除撤回", "OK=SALE CLR=UNDO")
DO_THIS = Word("故障处理", "STEP BY STEP")
FINAL_ASK = Word("此笔不可撤回 继续?", "NOT REVERSIBLE. GO ON?")
OFFLINE_ASK = Word("银行不通 离线收款?", "NO BANK: OFFLINE?")
NOTIFY = Word("通知单", "NOTICE")

# paper
P_CONTACT = Word("客服联系单", "CONTACT SLIP")
P_FORM = Word("退款申请表", "REFUND FORM")
P_STUB = Word("撤回申请回执", "REQUEST STUB")
P_RULES = Word("撤回规则", "WITHDRAWAL RULES")
P_EVIDENCE = Word("退款进度凭据", "REFUND EVIDENCE")
P_REGULATOR = Word("监管报告", "REGULATOR REPORT")
P_SETTLEMENT = Word("结算总计单", "SETTLEMENT TOTALS")
P_TRAINING = Word("测试 凭证无效", "TESTING, NOT VALID")
P_HELP = Word("如需帮助请联系商户", "PLEASE CALL THE SHOP")
P_LIABLE = Word("退款延迟或有调整 由商户负责", "SHOP ANSWERS FOR LATE REFUNDS")
P_TERMS_READ = Word("本人已阅读并同意预订条款", "I HAVE READ AND ACCEPT THE TERMS")
P_REQUEST_TIME = Word("申请时间", "ASKED")

# self-test: what to do, one step at a time, by the doctor's code
ALL_WELL = Word("未见故障", "NO FAULT FOUND")
_CALL = Word("请联系技术支持", "CALL SUPPORT")
_PORT = Word("检查电源和数据线", "CHECK POWER + CABLE")
FIX_STEPS = {
    "E10": (Word("密钥缺失 停止使用", "NO KEYS: STOP"), _CALL),
    "E20": (Word("证书无效 请联系银行", "CERTIFICATE: BANK"), _CALL),
    "E30": (Word("流水损坏 停止交易", "JOURNAL: STOP"), Word("保留设备 恢复备份", "KEEP IT, RESTORE"), _CALL),
    "E40": (Word("磁盘将满 请清理", "DISK FULL: CLEAN"), _CALL),
    "E50": (Word("时钟错误 请联网", "CLOCK: GO ONLINE"), Word("然后重新签到", "THEN SIGN ON")),
    "E60": (Word("拔下读卡器再插上", "REPLUG THE READER"), Word("仍无应答 重启终端", "ELSE RESTART")),
    "E70": (Word("打印机故障", "PRINTER FAULT"), _PORT),
    "E71": (
        Word("打开打印机盖", "OPEN THE COVER"),
        Word("放入新纸卷", "PUT A NEW ROLL IN"),
        Word("合上盖子", "CLOSE THE COVER"),
    ),
    "E72": (Word("合上打印机盖", "CLOSE THE COVER"),),
    "E73": (Word("打开盖子 清切刀", "CLEAR THE CUTTER"), Word("合上盖子", "CLOSE THE COVER")),
    "E74": (Word("关闭打印机电源", "SWITCH PRINTER OFF"), Word("等十秒再打开", "WAIT 10s, ON"), _CALL),
    "E75": (Word("等打印头冷却", "LET IT COOL DOWN"),),
    "E76": (Word("合上打印机盖", "CLOSE THE COVER"), Word("按打印机走纸键", "PRESS ITS FEED KEY")),
    "E77": (_PORT, Word("仍无应答 重启终端", "ELSE RESTART")),
    "E80": (Word("检查网线和路由器", "CHECK THE NETWORK"), Word("用菜单 回响测试", "MENU: ECHO TEST"), _CALL),
    "E81": (Word("银行拒绝本终端", "BANK REFUSES US"), Word("请联系银行", "CALL THE BANK")),
}
