"""Every reason code a verdict may carry, in the two languages of the public side. The list only grows."""

from collections.abc import Mapping

REASONS: Mapping[str, tuple[str, str]] = {
    # authentic
    "in-register": ("登记簿中有此证照", "The register holds this licence"),
    "no-such-record": ("登记簿中没有与所给信息相符的证照", "The register holds no licence that matches"),
    "code-genuine": ("二维码签名真实", "The code's signature is genuine"),
    "code-not-genuine": ("二维码不是本系统签发的", "The code was not signed by this service"),
    "code-at-odds": ("二维码内容与登记簿不一致", "The code is at odds with the register"),
    "same-document": ("文件与归档原件逐字节一致", "The file is the archived original, byte for byte"),
    "seal-intact": ("印章签名有效，覆盖整个文件", "The seal is intact and covers the whole file"),
    "adopted": ("由其他系统签发，原件已收录入本登记簿", "Sealed elsewhere; the original was taken over into this register"),
    "specimen": ("样本：由演示密钥签发，不具法律效力", "Specimen: sealed with demonstration keys, without legal effect"),
    "no-signature": ("文件没有电子印章签名", "The file carries no seal"),
    "bytes-changed": ("签名之后文件内容被改动", "The file was changed after it was sealed"),
    "added-after-seal": ("签名之后文件被追加内容", "Something was added to the file after it was sealed"),
    "unknown-signer": ("签名不是受信任的发证机关作出的", "The file was not sealed by a trusted department"),
    "several-signatures": ("文件含有多个签名", "The file carries several signatures"),
    "not-certified": ("签名不是不可更改的认证签名", "The seal is not a certification that forbids changes"),
    "wrong-format": ("签名格式不是电子证照所用的格式", "The signature is not of the form that licences use"),
    "no-sealing-time": ("签名没有声明签章时间", "The signature does not claim a time"),
    "slot-misused": ("签名位置含有多余数据", "The place of the signature holds something else as well"),
    "chain-not-trusted": ("签章证书在签章时不受信任", "The sealing certificate was not trusted at sealing time"),
    "active-content": ("文件含有可执行内容", "The file contains active content"),
    "encrypted": ("文件已加密，无法核验", "The file is encrypted and cannot be examined"),
    "unreadable": ("文件已损坏，无法读取", "The file is broken and cannot be read"),
    "examination-stopped": ("核验该文件超出时限或资源限制", "Examining this file took too long or too much"),
    "not-in-register": ("签名真实，但登记簿中没有这份文件", "The seal is good, but the register does not hold this file"),
    # current
    "current-version": ("这是现行版本", "This is the current version"),
    "superseded": ("已被新版本取代；证照本身的效力见下项", "Superseded by a newer version; the licence itself is judged below"),
    # in force
    "in-force": ("在有效期内，效力正常", "In force"),
    "within-dates": ("日期在有效期之内", "The day lies within the term"),
    "pending-effect": ("尚未生效", "Not yet in effect"),
    "suspended": ("暂扣（暂停）期间", "Suspended"),
    "expired": ("已过有效期", "Expired"),
    "revoked": ("已吊销", "Revoked"),
    "cancelled": ("已注销", "Cancelled"),
    "not-known-then": ("当时登记簿中尚无此证照", "The register did not hold this licence then"),
    # conditions
    "conditions-met": ("年审等条件在有效期内", "Periodic conditions are met"),
    "condition-overdue": ("年审、注册等条件已过期", "A periodic condition is overdue"),
    "no-conditions": ("该类证照没有需要核对的周期条件", "This licence has no periodic conditions to check"),
    # not asked, unknown
    "not-presented": ("未提交文件，未核对文件签名", "No file was presented, so no seal was examined"),
    "compare-with-paper": ("请核对证面内容与此处显示一致", "Compare what the paper says with what is shown here"),
    "live-showing-not-asked": ("静态码不能证明持证人在场", "A printed code does not show that the holder is present"),
}
