/** What is known of the reasons for the figures. */
export const howItGrows = `To be written.`
