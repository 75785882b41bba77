pub(crate) fn error(error: &rustls::Error, _h: bool) -> crate::error::Error { crate::error::Error::tls(1, error.to_string()) }
