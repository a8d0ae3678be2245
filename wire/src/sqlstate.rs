//! Names of the SQLSTATEs met in practice: [Appendix A, PostgreSQL Error Codes][m].
//!
//! [m]: https://www.postgresql.org/docs/current/errcodes-appendix.html

/// The condition name of a code, where it is one of the common ones.
pub(crate) fn name(code: &str) -> Option<&'static str> {
    NAMES.binary_search_by(|(c, _)| (*c).cmp(code)).ok().and_then(|i| NAMES.get(i)).map(|(_, name)| *name)
}

/// Whether the same statement, on a new session if need be, may succeed later with nobody changing anything.
///
/// Connections lost or refused for now (08, 57P0x, 53), conflicts between transactions (40), locks and objects in
/// use (55P03, 55006), and time limits (57014, 25P0x). Among 53 are a full disk and lack of memory: these end by the
/// operator's hand, or by themselves, while we wait. A slot still held by our predecessor is 55006.
pub(crate) fn is_transient(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "40" | "53"))
        || matches!(code, "25P03" | "25P04" | "55006" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "57P05")
}

/// Sorted by code.
const NAMES: &[(&str, &str)] = &[
    ("08000", "connection_exception"),
    ("08001", "sqlclient_unable_to_establish_sqlconnection"),
    ("08003", "connection_does_not_exist"),
    ("08004", "sqlserver_rejected_establishment_of_sqlconnection"),
    ("08006", "connection_failure"),
    ("08P01", "protocol_violation"),
    ("0A000", "feature_not_supported"),
    ("21000", "cardinality_violation"),
    ("22000", "data_exception"),
    ("22001", "string_data_right_truncation"),
    ("22003", "numeric_value_out_of_range"),
    ("22004", "null_value_not_allowed"),
    ("22007", "invalid_datetime_format"),
    ("22008", "datetime_field_overflow"),
    ("22012", "division_by_zero"),
    ("22021", "character_not_in_repertoire"),
    ("22023", "invalid_parameter_value"),
    ("2202E", "array_subscript_error"),
    ("22P02", "invalid_text_representation"),
    ("22P03", "invalid_binary_representation"),
    ("22P04", "bad_copy_file_format"),
    ("22P05", "untranslatable_character"),
    ("23000", "integrity_constraint_violation"),
    ("23001", "restrict_violation"),
    ("23502", "not_null_violation"),
    ("23503", "foreign_key_violation"),
    ("23505", "unique_violation"),
    ("23514", "check_violation"),
    ("23P01", "exclusion_violation"),
    ("25001", "active_sql_transaction"),
    ("25006", "read_only_sql_transaction"),
    ("25P01", "no_active_sql_transaction"),
    ("25P02", "in_failed_sql_transaction"),
    ("25P03", "idle_in_transaction_session_timeout"),
    ("25P04", "transaction_timeout"),
    ("26000", "invalid_sql_statement_name"),
    ("28000", "invalid_authorization_specification"),
    ("28P01", "invalid_password"),
    ("2BP01", "dependent_objects_still_exist"),
    ("34000", "invalid_cursor_name"),
    ("3D000", "invalid_catalog_name"),
    ("3F000", "invalid_schema_name"),
    ("40001", "serialization_failure"),
    ("40002", "transaction_integrity_constraint_violation"),
    ("40003", "statement_completion_unknown"),
    ("40P01", "deadlock_detected"),
    ("42501", "insufficient_privilege"),
    ("42601", "syntax_error"),
    ("42602", "invalid_name"),
    ("42701", "duplicate_column"),
    ("42703", "undefined_column"),
    ("42704", "undefined_object"),
    ("42710", "duplicate_object"),
    ("42723", "duplicate_function"),
    ("42804", "datatype_mismatch"),
    ("42809", "wrong_object_type"),
    ("42883", "undefined_function"),
    ("428C9", "generated_always"),
    ("42939", "reserved_name"),
    ("42P01", "undefined_table"),
    ("42P02", "undefined_parameter"),
    ("42P04", "duplicate_database"),
    ("42P06", "duplicate_schema"),
    ("42P07", "duplicate_table"),
    ("42P10", "invalid_column_reference"),
    ("42P17", "invalid_object_definition"),
    ("42P18", "indeterminate_datatype"),
    ("44000", "with_check_option_violation"),
    ("53000", "insufficient_resources"),
    ("53100", "disk_full"),
    ("53200", "out_of_memory"),
    ("53300", "too_many_connections"),
    ("53400", "configuration_limit_exceeded"),
    ("54000", "program_limit_exceeded"),
    ("54001", "statement_too_complex"),
    ("55000", "object_not_in_prerequisite_state"),
    ("55006", "object_in_use"),
    ("55P02", "cant_change_runtime_param"),
    ("55P03", "lock_not_available"),
    ("57014", "query_canceled"),
    ("57P01", "admin_shutdown"),
    ("57P02", "crash_shutdown"),
    ("57P03", "cannot_connect_now"),
    ("57P04", "database_dropped"),
    ("57P05", "idle_session_timeout"),
    ("58030", "io_error"),
    ("58P01", "undefined_file"),
    ("58P02", "duplicate_file"),
    ("P0001", "raise_exception"),
    ("XX000", "internal_error"),
    ("XX001", "data_corrupted"),
    ("XX002", "index_corrupted"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found() {
        for (code, expect) in NAMES {
            assert_eq!(name(code), Some(*expect), "{code}: the table must be sorted");
        }
        assert_eq!(name("99999"), None);
    }

    #[test]
    fn transient_codes() {
        for code in ["08006", "40001", "40P01", "53300", "55006", "55P03", "57014", "57P01", "57P03"] {
            assert!(is_transient(code), "{code}");
        }
        for code in ["", "23505", "28P01", "3D000", "42501", "42P01", "57P04", "55000", "XX000"] {
            assert!(!is_transient(code), "{code}");
        }
    }
}
